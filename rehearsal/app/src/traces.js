// Spans, by OTLP over HTTP in its JSON encoding (https://opentelemetry.io/docs/specs/otlp/#otlphttp), where an endpoint is given.
import { randomBytes } from "node:crypto";
import { config } from "./config.js";
import { log } from "./log.js";

const KINDS = { internal: 1, server: 2 };
const PAUSE_MS = 1000;
const MOST = 500; // of spans that wait: a receiver that is away costs no memory
const waiting = [];

const attributes = (values) => Object.entries(values).map(([key, value]) => ({ key, value: { stringValue: String(value) } }));
const nanoseconds = (ms) => `${Math.round(ms * 1000)}000`;

/** Notes that `name` was done from `began` (Date.now()) until now. */
export function span(name, kind, began, values, failed = false) {
  if (!config.otlp.endpoint || waiting.length >= MOST) return;
  if (!waiting.length) setTimeout(send, PAUSE_MS).unref();
  waiting.push({
    traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex"), name, kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(began), endTimeUnixNano: nanoseconds(Date.now()),
    attributes: attributes(values), status: { code: failed ? 2 : 0 },
  });
}

async function send() {
  const scopeSpans = [{ scope: { name: "jira-plus-plus" }, spans: waiting.splice(0) }];
  const body = JSON.stringify({ resourceSpans: [{ resource: { attributes: attributes(config.otlp.resource) }, scopeSpans }] });
  try {
    const response = await fetch(`${config.otlp.endpoint.replace(/\/$/, "")}/v1/traces`, {
      method: "POST", body, headers: { ...config.otlp.headers, "content-type": "application/json" }, signal: AbortSignal.timeout(5000),
    });
    if (!response.ok) throw new Error(`it answered ${response.status}`);
  } catch (error) {
    log.warn({ reason: error.message }, "traces were not taken");
  }
}
