// The Temporal worker, with health and metrics of its own. It reconnects by starting anew: a fatal error ends the process and the platform restarts it.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { NativeConnection, Worker, Runtime, makeTelemetryFilterString } from "@temporalio/worker";
import { activities } from "./activities.js";
import { config } from "./config.js";
import { connect, databaseReady } from "./database.js";
import { capture, flushed } from "./errors.js";
import { log } from "./log.js";
import { serve } from "./service.js";

Runtime.install({
  // The signals are ours: readiness must fail before the worker stops polling.
  shutdownSignals: [],
  logger: { log: (level, message, meta) => log[level.toLowerCase()]?.(meta ?? {}, message), trace() {}, ...Object.fromEntries(["debug", "info", "warn", "error"].map((level) => [level, (message, meta) => log[level](meta ?? {}, message)])) },
  // `forward`: the core logs through the logger above, as JSON, and not by itself.
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: "WARN" }), forward: {} } },
});

const pool = connect();
let worker;
let running;

async function start() {
  const bundle = fileURLToPath(new URL("./workflows.bundle.cjs", import.meta.url));
  for (let wait = 1; ; wait = Math.min(wait * 2, 15)) {
    try {
      const connection = await NativeConnection.connect({ address: config.temporal.address });
      worker = await Worker.create({
        connection,
        namespace: config.temporal.namespace,
        taskQueue: config.temporal.taskQueue,
        activities: activities(pool),
        shutdownGraceTime: "20 seconds", // the default is 0: activities in flight would be cut off
        ...(existsSync(bundle) ? { workflowBundle: { codePath: bundle } } : { workflowsPath: fileURLToPath(new URL("./workflows.js", import.meta.url)) }),
      });
      running = worker.run().finally(() => connection.close());
      log.info({ task_queue: config.temporal.taskQueue }, "worker polls");
      return running;
    } catch (error) {
      log.warn({ err: error, wait_seconds: wait }, "Temporal is not to be had yet");
      await sleep(wait * 1000);
    }
  }
}

serve({
  name: "worker",
  port: config.port(4001),
  checks: {
    postgres: () => databaseReady(pool),
    temporal: async () => { if (worker?.getState() !== "RUNNING") throw new Error(`the worker is ${worker?.getState() ?? "not connected"}`); },
  },
  close: async () => {
    if (worker?.getState() === "RUNNING") worker.shutdown();
    await running?.catch(() => {});
    await pool.end();
  },
});

start().catch(async (error) => { capture(error); await flushed(); process.exit(1); });
