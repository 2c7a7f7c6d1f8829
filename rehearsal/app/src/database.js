import pg from "pg";
import { config } from "./config.js";
import { log } from "./log.js";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** A pool of at most the URL's `connection_limit` connections; a lost idle connection is a log line, never the end of the process. */
export function connect() {
  const max = Number(new URL(config.databaseUrl).searchParams.get("connection_limit") ?? 10);
  const pool = new pg.Pool({ connectionString: config.databaseUrl, max, connectionTimeoutMillis: 3000, query_timeout: 10000 });
  pool.on("error", (error) => log.warn({ err: error }, "an idle connection to Postgres was lost"));
  return pool;
}

export async function databaseReady(pool) {
  await pool.query("SELECT 1");
}
