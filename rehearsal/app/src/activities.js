import { log } from "./log.js";
import { workflows } from "./metrics.js";
import { span } from "./traces.js";

const URGENT = /\b(down|outage|data loss|security|urgent)\b/i;

/** Activities on a connection pool. Each may run more than once, so each is idempotent. */
export const activities = (pool) => ({
  async estimatePriority(issueId) {
    const { rows: [issue] } = await pool.query("SELECT title, description FROM issues WHERE id = $1", [issueId]);
    if (!issue) return "none";
    return URGENT.test(`${issue.title} ${issue.description}`) ? "high" : "normal";
  },
  async markTriaged(issueId, priority) {
    const began = Date.now();
    const { rowCount } = await pool.query(
      "UPDATE issues SET priority = $2, triaged_at = coalesce(triaged_at, now()), updated_at = now() WHERE id = $1", [issueId, priority]);
    span("markTriaged", "internal", began, { "issue.id": issueId });
    workflows.inc({ status: rowCount ? "completed" : "gone" });
    log.info({ event: "issue_triaged", issue_id: issueId, priority }, "issue triaged");
  },
});
