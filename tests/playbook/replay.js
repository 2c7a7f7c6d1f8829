// In a container of the worker's image: replays the histories on its standard input (see histories.js) with the image's own workflows. Prints
// a JSON list: of each the workflow's id, whether it still ran, its events, and the error that its replay ended with ("" if it had none).
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const image = createRequire(`${process.cwd()}/`);
const { Runtime, Worker, makeTelemetryFilterString } = image("@temporalio/worker");
const { History } = createRequire(image.resolve("@temporalio/worker"))("@temporalio/proto").temporal.api.history.v1;

const known = process.env.WORKFLOWS ? [process.env.WORKFLOWS] : ["dist/workflows.bundle.cjs", "dist/workflows.js"];
const path = known.map((file) => resolve(file)).find(existsSync);
if (!path) {
  console.error(`the worker's image has no workflows at ${known.join(" or ")}: name them with WORKFLOWS=<file, from its working directory>`);
  process.exit(1);
}
// What bundleWorkflowCode has made is executed as it is; of sources a bundle is made now.
const workflows = /bundle/.test(path) ? { workflowBundle: { codePath: path } } : { workflowsPath: path };

const given = JSON.parse(readFileSync(0, "utf8")).map((one) => ({ ...one, history: History.decode(Buffer.from(one.history, "base64")) }));
const errors = new Map();
// The core logs to standard output, unless it is forwarded: an error is told with its history.
const quiet = Object.fromEntries(["log", "trace", "debug", "info", "warn", "error"].map((level) => [level, () => {}]));
Runtime.install({ logger: quiet, telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: "WARN" }), forward: {} } } });
if (given.length) {
  const histories = given.map(({ workflow, history }) => ({ workflowId: workflow, history }));
  for await (const { workflowId, error } of Worker.runReplayHistories(workflows, histories)) errors.set(workflowId, error ? `${error.name}: ${error.message}` : "");
}
const seen = given.map(({ workflow, running, history }) => ({
  workflow, running, events: history.events.length, error: errors.get(workflow) ?? "it was not replayed",
}));
process.stdout.write(JSON.stringify(seen), () => process.exit(0));
