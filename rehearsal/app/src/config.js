// The environment that the platform gives, read once. A missing value stops the process with its name.
function need(name) {
  const value = process.env[name];
  if (!value) {
    console.error(JSON.stringify({ level: "fatal", msg: `${name} is not set: the platform gives it in the environment` }));
    process.exit(78); // EX_CONFIG of sysexits.h
  }
  return value;
}

const flag = (name) => process.env[name] === "true";
const list = (name) => (process.env[name] ?? "").split(",").map((part) => part.trim()).filter(Boolean);
const pairs = (name) => Object.fromEntries(list(name).map((pair) => [pair.slice(0, pair.indexOf("=")).trim(), decodeURIComponent(pair.slice(pair.indexOf("=") + 1).trim())]));

export const config = {
  get databaseUrl() { return need("DATABASE_URL"); },
  get sessionSecret() { return need("SESSION_SECRET"); },
  get adminEmail() { return need("ADMIN_EMAIL"); },
  get adminPassword() { return need("ADMIN_PASSWORD"); },
  port: (fallback) => Number(process.env.PORT ?? fallback),
  environment: process.env.ENVIRONMENT ?? "local",
  logLevel: process.env.LOG_LEVEL ?? "info",
  corsOrigins: list("CORS_ORIGINS"),
  playground: flag("GRAPHQL_PLAYGROUND"),
  introspection: flag("GRAPHQL_INTROSPECTION"),
  drainSeconds: Number(process.env.DRAIN_SECONDS ?? 0),
  sentry: { dsn: process.env.SENTRY_DSN, environment: process.env.SENTRY_ENVIRONMENT, release: process.env.SENTRY_RELEASE },
  otlp: {
    endpoint: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
    headers: pairs("OTEL_EXPORTER_OTLP_HEADERS"),
    resource: { "service.name": process.env.OTEL_SERVICE_NAME, ...pairs("OTEL_RESOURCE_ATTRIBUTES") },
  },
  temporal: {
    address: process.env.TEMPORAL_ADDRESS ?? "127.0.0.1:7233",
    namespace: process.env.TEMPORAL_NAMESPACE ?? "default",
    taskQueue: process.env.TEMPORAL_TASK_QUEUE ?? "jira",
  },
};
