import { Client, Connection } from "@temporalio/client";
import { config } from "./config.js";

/** By itself gRPC asks for a name each 30 s at most, and its pauses between two tries grow to two minutes: after a Temporal that was away for 40 s the API was without it for 33 s more. */
const RECONNECT = { "grpc.max_reconnect_backoff_ms": 3000, "grpc.dns_min_time_between_resolutions_ms": 3000 };

/** A client that connects at its first use, so that the API starts and serves while Temporal is away. */
export function temporal() {
  const connection = Connection.lazy({ address: config.temporal.address, connectTimeout: 3000, channelArgs: RECONNECT });
  const client = new Client({ connection, namespace: config.temporal.namespace });
  return {
    client,
    ready: () => connection.withDeadline(Date.now() + 3000, () => connection.workflowService.describeNamespace({ namespace: config.temporal.namespace })),
    close: () => connection.close(),
  };
}
