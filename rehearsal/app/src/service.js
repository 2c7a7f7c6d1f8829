// What the API, the worker and the web server share: an HTTP server with health, readiness and metrics, that drains on SIGTERM.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { config } from "./config.js";
import { ending } from "./ending.js";
import { log } from "./log.js";
import { latency, registry, requests } from "./metrics.js";
import { span } from "./traces.js";

const LAST_REQUESTS_SECONDS = 10; // less than the grace that a container gets before SIGKILL

const json = (response, status, body) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};

/**
 * Serves `/health` and `/healthz` (the process lives), `/ready` (it does not drain, nor does any check fail to answer within 3 s), `/metrics`, and all else by `handle`.
 * On SIGTERM or SIGINT: `/ready` fails at once, requests are served for DRAIN_SECONDS more, then subscriptions end, `close` runs and the process exits with 0.
 */
export function serve({ name, port, checks = {}, handle, close = async () => {} }) {
  let draining = false;

  async function ready() {
    if (draining) return { ok: false, draining, checks: {} };
    const results = await Promise.all(Object.entries(checks).map(async ([check, run]) => {
      try {
        await Promise.race([run(), sleep(3000, undefined, { ref: false }).then(() => { throw new Error("no answer within 3 s"); })]);
        return [check, "ok"];
      } catch (error) {
        return [check, error.message];
      }
    }));
    return { ok: results.every(([, result]) => result === "ok"), draining, checks: Object.fromEntries(results) };
  }

  const server = createServer(async (request, response) => {
    const path = request.url.split("?")[0];
    const known = ["/health", "/healthz", "/ready", "/metrics", "/graphql", "/"].includes(path) ? path : "other";
    const began = Date.now();
    const stop = latency.startTimer({ method: request.method, path: known });
    response.on("finish", () => {
      const seconds = stop();
      requests.inc({ method: request.method, path: known, status: response.statusCode });
      if (known === "/graphql" || known === "other") {
        span(`${request.method} ${known}`, "server", began, { "http.response.status_code": response.statusCode }, response.statusCode >= 500);
        log.info({ method: request.method, path, status: response.statusCode, seconds: Number(seconds.toFixed(4)), request_id: request.headers["x-request-id"] }, "request");
      }
    });
    if (draining) response.setHeader("connection", "close");
    if (path === "/health" || path === "/healthz") return json(response, 200, { status: "ok", service: name });
    if (path === "/ready") {
      const state = await ready();
      return json(response, state.ok ? 200 : 503, state);
    }
    if (path === "/metrics") {
      response.writeHead(200, { "content-type": registry.contentType });
      return response.end(await registry.metrics());
    }
    if (handle) return handle(request, response);
    return json(response, 404, { error: "not found" });
  });
  server.keepAliveTimeout = 65000; // longer than a proxy's, so that it is the proxy who closes an idle connection

  async function stop(signal) {
    if (draining) return;
    draining = true;
    log.info({ signal, drain_seconds: config.drainSeconds }, `${name} drains`);
    await sleep(config.drainSeconds * 1000);
    ending.abort();
    const closed = new Promise((resolve) => server.close(resolve)); // waits for the requests that are under way
    server.closeIdleConnections();
    await Promise.race([closed, sleep(LAST_REQUESTS_SECONDS * 1000)]);
    await close();
    log.info(`${name} stopped`);
    process.exit(0);
  }
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  server.listen(port, "0.0.0.0", () => log.info({ port }, `${name} listens`));
  return server;
}
