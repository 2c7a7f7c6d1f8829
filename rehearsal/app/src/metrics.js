// What Prometheus scrapes at /metrics.
import client from "prom-client";

export const registry = new client.Registry();
client.collectDefaultMetrics({ register: registry });

export const requests = new client.Counter({
  name: "http_requests_total", help: "HTTP requests", labelNames: ["method", "path", "status"], registers: [registry],
});
export const latency = new client.Histogram({
  name: "http_request_duration_seconds", help: "Latency of HTTP requests", labelNames: ["method", "path"],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5], registers: [registry],
});
export const workflows = new client.Counter({
  name: "temporal_workflows_total", help: "Temporal workflows by what became of them", labelNames: ["status"], registers: [registry],
});
export const captured = new client.Counter({
  name: "captured_errors_total", help: "Errors that were captured", registers: [registry],
});
