// In a container of the worker's image, in the network of the worker's own: prints the histories of the workflows that began before BEFORE, the newest MOST of them, as a JSON list.
// The SDK's parts are found from @temporalio/worker: of that alone it is certain that the image has it. Histories are protobuf and not JSON,
// which the SDK cannot read where npm has given its packages a protobufjs each ("type must be a Type").
import { createRequire } from "node:module";

const sdk = createRequire(createRequire(`${process.cwd()}/`).resolve("@temporalio/worker"));
const { Client, Connection } = sdk("@temporalio/client");
const { History } = sdk("@temporalio/proto").temporal.api.history.v1;

const { BEFORE, MOST, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TASK_QUEUE } = process.env;
const connection = await Connection.connect({ address: TEMPORAL_ADDRESS });
const client = new Client({ connection, namespace: TEMPORAL_NAMESPACE });
const found = [];
for await (const { workflowId, runId, status } of client.workflow.list({ query: `TaskQueue = "${TEMPORAL_TASK_QUEUE}" AND StartTime < "${BEFORE}"` })) {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  found.push({ workflow: workflowId, running: status.name === "RUNNING", history: Buffer.from(History.encode(history).finish()).toString("base64") });
  if (found.length === Number(MOST)) break;
}
await connection.close();
process.stdout.write(JSON.stringify(found), () => process.exit(0));
