// Migrations, once and in order, each in a transaction, under an advisory lock so that two runs never meet. Then the administrator's account.
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import { config } from "./config.js";
import { log } from "./log.js";
import { hash } from "./passwords.js";

const LOCK = 7241992; // any number, as long as every migration takes the same
const folder = new URL("../migrations/", import.meta.url);
const client = new pg.Client({ connectionString: config.databaseUrl, connectionTimeoutMillis: 10000 });

await client.connect();
try {
  await client.query("SELECT pg_advisory_lock($1)", [LOCK]);
  await client.query("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");
  const applied = new Set((await client.query("SELECT name FROM migrations")).rows.map((row) => row.name));
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".sql")).sort()) {
    if (applied.has(name)) continue;
    await client.query("BEGIN");
    try {
      await client.query(readFileSync(new URL(name, folder), "utf8"));
      await client.query("INSERT INTO migrations (name) VALUES ($1)", [name]);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw new Error(`migration ${name} failed and was rolled back: ${error.message}`);
    }
    log.info({ migration: name }, "migration applied");
  }
  await client.query(
    `INSERT INTO users (email, password_hash) VALUES (lower($1), $2)
     ON CONFLICT (email) DO UPDATE SET password_hash = excluded.password_hash`, [config.adminEmail, await hash(config.adminPassword)]);
  if (process.env.SEED_DATA === "true") {
    await client.query(readFileSync(new URL("../migrations/seed/issues.sql", import.meta.url), "utf8"));
  }
  log.info("migrations are complete");
} catch (error) {
  log.fatal({ err: error }, error.message);
  process.exitCode = 1;
} finally {
  await client.end();
}
