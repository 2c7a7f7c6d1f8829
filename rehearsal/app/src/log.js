// JSON lines on stdout; what could hold a secret is redacted.
import pino from "pino";
import { config } from "./config.js";

export const log = pino({
  level: config.logLevel,
  base: { environment: config.environment },
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  redact: ["password", "token", "authorization", "*.password", "*.token", "*.authorization"],
});
