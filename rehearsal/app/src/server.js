// The API: GraphQL over HTTP.
import { createYoga, maskError } from "graphql-yoga";
import { useDisableIntrospection } from "@graphql-yoga/plugin-disable-introspection";
import { config } from "./config.js";
import { connect, databaseReady } from "./database.js";
import { capture } from "./errors.js";
import { schema } from "./schema.js";
import { serve } from "./service.js";
import { userOf } from "./sessions.js";
import { temporal as connectTemporal } from "./temporal.js";

const pool = connect();
const temporal = connectTemporal();
config.sessionSecret; // fail at start, not at the first login

const yoga = createYoga({
  schema,
  graphiql: config.playground,
  landingPage: false,
  logging: false,
  cors: config.corsOrigins.length ? { origin: config.corsOrigins, methods: ["POST", "OPTIONS"], allowedHeaders: ["authorization", "content-type"], credentials: true } : false,
  plugins: config.introspection ? [] : [useDisableIntrospection()],
  context: async ({ request }) => ({ user: await userOf(request.headers.get("authorization")), pool, temporal }),
  maskedErrors: {
    maskError(error, message, dev) {
      const masked = maskError(error, message, dev);
      // What is masked was not meant for the user, so it is ours to look into.
      if (masked !== error && error.originalError) masked.extensions.eventId = capture(error.originalError);
      return masked;
    },
  },
});

serve({
  name: "api",
  port: config.port(4000),
  checks: { postgres: () => databaseReady(pool), temporal: temporal.ready },
  handle: yoga,
  close: async () => { await temporal.close(); await pool.end(); },
});
