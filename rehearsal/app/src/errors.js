// Error tracking: every captured error is one log line with an event id, and goes to Sentry where a DSN is set.
import { randomUUID } from "node:crypto";
import { config } from "./config.js";
import { log } from "./log.js";
import { captured } from "./metrics.js";

const underWay = new Set();

/** Waits until what was captured has been sent, or could not be: for who ends the process next. */
export const flushed = () => Promise.all(underWay);

/** Captures an error and returns its event id (32 hex digits), by which it is found in the logs and in Sentry. */
export function capture(error, context = {}) {
  const eventId = randomUUID().replaceAll("-", "");
  captured.inc();
  log.error({ event: "captured_error", event_id: eventId, err: error, ...context }, error.message);
  if (config.sentry.dsn) {
    const sent = send(eventId, error)
      .catch((failure) => log.warn({ err: failure }, "Sentry did not take the event"))
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
  }
  return eventId;
}

// The envelope endpoint: https://develop.sentry.dev/sdk/data-model/envelopes/
async function send(eventId, error) {
  const dsn = new URL(config.sentry.dsn);
  const project = dsn.pathname.split("/").pop();
  const event = {
    event_id: eventId, timestamp: Date.now() / 1000, platform: "node", level: "error",
    environment: config.sentry.environment, release: config.sentry.release,
    exception: { values: [{ type: error.name, value: error.message }] },
  };
  const body = [{ event_id: eventId }, { type: "event" }, event].map((part) => JSON.stringify(part)).join("\n");
  const response = await fetch(`${dsn.protocol}//${dsn.host}/api/${project}/envelope/`, {
    method: "POST",
    headers: { "x-sentry-auth": `Sentry sentry_version=7, sentry_key=${dsn.username}` },
    body,
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`Sentry answered ${response.status}`);
}
