import { Client, Connection } from "@temporalio/client";
import { config } from "./config.js";

/** A client that connects at its first use, so that the API starts and serves while Temporal is away. */
export function temporal() {
  const connection = Connection.lazy({ address: config.temporal.address, connectTimeout: 3000 });
  const client = new Client({ connection, namespace: config.temporal.namespace });
  return {
    client,
    ready: () => connection.withDeadline(Date.now() + 3000, () => connection.workflowService.describeNamespace({ namespace: config.temporal.namespace })),
    close: () => connection.close(),
  };
}
