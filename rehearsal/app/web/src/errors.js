// Errors of the page, to Sentry where the server names a DSN: one in a page is no secret, it lets in what it counts.
// The envelope endpoint: https://develop.sentry.dev/sdk/data-model/envelopes/

/** Sends an error to where `sentry`, of /config.json, says: `dsn`, `environment` and `release`. Never throws. */
export async function report(sentry, error, page = "") {
  if (!sentry) return;
  const dsn = new URL(sentry.dsn);
  const id = crypto.randomUUID().replaceAll("-", "");
  const event = {
    event_id: id, timestamp: Date.now() / 1000, platform: "javascript", level: "error",
    environment: sentry.environment, release: sentry.release, request: { url: page },
    exception: { values: [{ type: error?.name ?? "Error", value: String(error?.message ?? error) }] },
  };
  const body = [{ event_id: id }, { type: "event" }, event].map((part) => JSON.stringify(part)).join("\n");
  // The key in the address: with a header of its own the browser would ask for leave first.
  await fetch(`${dsn.protocol}//${dsn.host}/api/${dsn.pathname.split("/").pop()}/envelope/?sentry_version=7&sentry_key=${dsn.username}`, {
    method: "POST", body, headers: { "content-type": "text/plain" }, keepalive: true,
  }).catch(() => {});
}
