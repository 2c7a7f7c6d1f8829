// Temporal workflows. Deterministic code: what touches the world is an activity.
import { proxyActivities, sleep } from "@temporalio/workflow";

const { estimatePriority, markTriaged } = proxyActivities({
  startToCloseTimeout: "30 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "10 seconds" },
});

/** Triages an issue: estimates its priority, waits (people may still edit it), then records the outcome. */
export async function triageIssue(issueId, delaySeconds = 0) {
  const priority = await estimatePriority(issueId);
  if (delaySeconds > 0) await sleep(delaySeconds * 1000);
  await markTriaged(issueId, priority);
  return { issueId, priority };
}
