import { createSchema } from "graphql-yoga";
import { GraphQLError } from "graphql";
import { WorkflowIdReusePolicy, WorkflowNotFoundError } from "@temporalio/client";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { config } from "./config.js";
import { ending } from "./ending.js";
import { capture } from "./errors.js";
import { workflows } from "./metrics.js";
import { hash, verify } from "./passwords.js";
import { issueToken } from "./sessions.js";

const typeDefs = /* GraphQL */ `
  enum Status { TODO IN_PROGRESS DONE }
  type User { id: ID!, email: String! }
  type Session { token: String!, user: User! }
  type Issue { id: ID!, title: String!, description: String!, status: Status!, priority: String, triagedAt: String, createdAt: String!, updatedAt: String! }
  type Workflow { id: ID!, status: String! }
  input IssueInput { title: String!, description: String = "" }
  input IssuePatch { title: String, description: String, status: Status }
  type Query {
    me: User
    issues(status: Status, first: Int = 50): [Issue!]!
    issue(id: ID!): Issue
    workflow(id: ID!): Workflow
    "Answers after so many seconds, 30 at most: what is under way when a release begins."
    slow(seconds: Int!): Int!
  }
  type Mutation {
    login(email: String!, password: String!): Session!
    createIssue(input: IssueInput!): Issue!
    updateIssue(id: ID!, patch: IssuePatch!): Issue!
    deleteIssue(id: ID!): Boolean!
    "Starts the workflow that triages an issue, after a delay of at most 600 seconds."
    triageIssue(id: ID!, delaySeconds: Int = 0): Workflow!
    "Captures an error on purpose, to see that error tracking works; answers its event id."
    captureTestError(message: String!): String!
  }
  type Subscription {
    "Counts them, until the process ends: then it is completed, and the client subscribes again."
    seconds: Int!
  }
`;

const fail = (code, message) => new GraphQLError(message, { extensions: { code } });

const issueOf = (row) => row && {
  id: row.id, title: row.title, description: row.description, status: row.status, priority: row.priority,
  triagedAt: row.triaged_at?.toISOString() ?? null, createdAt: row.created_at.toISOString(), updatedAt: row.updated_at.toISOString(),
};

const member = (resolver) => (parent, args, context, info) => {
  if (!context.user) throw fail("UNAUTHENTICATED", "Log in first.");
  return resolver(parent, args, context, info);
};

const titled = (title) => {
  if (title !== undefined && title !== null && (title.trim() === "" || title.length > 200)) {
    throw fail("BAD_USER_INPUT", "A title has 1 to 200 characters.");
  }
  return title;
};

// Verified against when there is no such user, so that both answers take as long.
const NOBODY = await hash(randomUUID());

const resolvers = {
  Query: {
    me: (_, __, { user }) => user,
    issues: member(async (_, { status, first }, { pool }) => {
      const { rows } = await pool.query(
        "SELECT * FROM issues WHERE $1::text IS NULL OR status = $1 ORDER BY id DESC LIMIT $2", [status ?? null, Math.min(Math.max(first, 1), 200)]);
      return rows.map(issueOf);
    }),
    issue: member(async (_, { id }, { pool }) => issueOf((await pool.query("SELECT * FROM issues WHERE id = $1", [id])).rows[0]) ?? null),
    workflow: member(async (_, { id }, { temporal }) => {
      try {
        return { id, status: (await temporal.client.workflow.getHandle(id).describe()).status.name };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    }),
    slow: async (_, { seconds }) => {
      if (seconds < 0 || seconds > 30) throw fail("BAD_USER_INPUT", "seconds is between 0 and 30.");
      await sleep(seconds * 1000);
      return seconds;
    },
  },
  Subscription: {
    seconds: {
      async *subscribe() {
        for (let second = 0; !ending.signal.aborted; second++) {
          yield { seconds: second };
          await sleep(1000, undefined, { signal: ending.signal }).catch(() => {});
        }
      },
    },
  },
  Mutation: {
    login: async (_, { email, password }, { pool }) => {
      const { rows: [user] } = await pool.query("SELECT * FROM users WHERE email = lower($1)", [email]);
      if (!(await verify(password, user?.password_hash ?? NOBODY)) || !user) throw fail("UNAUTHENTICATED", "Unknown email or wrong password.");
      return { token: await issueToken(user), user };
    },
    createIssue: member(async (_, { input }, { pool, user }) => {
      const { rows } = await pool.query(
        "INSERT INTO issues (title, description, author_id) VALUES ($1, $2, $3) RETURNING *", [titled(input.title), input.description, user.id]);
      return issueOf(rows[0]);
    }),
    updateIssue: member(async (_, { id, patch }, { pool }) => {
      const { rows } = await pool.query(
        `UPDATE issues SET title = coalesce($2, title), description = coalesce($3, description), status = coalesce($4, status), updated_at = now()
         WHERE id = $1 RETURNING *`, [id, titled(patch.title), patch.description, patch.status]);
      if (!rows.length) throw fail("NOT_FOUND", `No issue has the id ${id}.`);
      return issueOf(rows[0]);
    }),
    deleteIssue: member(async (_, { id }, { pool }) => (await pool.query("DELETE FROM issues WHERE id = $1", [id])).rowCount === 1),
    triageIssue: member(async (_, { id, delaySeconds }, { pool, temporal }) => {
      if (delaySeconds < 0 || delaySeconds > 600) throw fail("BAD_USER_INPUT", "delaySeconds is between 0 and 600.");
      if (!(await pool.query("SELECT 1 FROM issues WHERE id = $1", [id])).rowCount) throw fail("NOT_FOUND", `No issue has the id ${id}.`);
      const workflowId = `triage-${id}-${randomUUID()}`;
      await temporal.client.workflow.start("triageIssue", {
        taskQueue: config.temporal.taskQueue, workflowId, args: [Number(id), delaySeconds], workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      });
      workflows.inc({ status: "started" });
      return { id: workflowId, status: "RUNNING" };
    }),
    captureTestError: member((_, { message }) => capture(new Error(message), { deliberate: true })),
  },
};

export const schema = createSchema({ typeDefs, resolvers });
