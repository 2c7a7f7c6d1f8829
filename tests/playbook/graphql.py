"""The API's GraphQL, as its users call it."""

from __future__ import annotations

from typing import Any

import httpx

from .target import Target


class GraphQLError(AssertionError):
    """The API answered with errors."""


class Api:
    """A session with the API, through `client` of `target`; `login` first."""

    def __init__(self, target: Target, client: httpx.Client) -> None:
        self.target = target
        self.client = client
        self.token = ""

    def run(self, query: str, **variables: Any) -> dict[str, Any]:
        """Runs one operation and returns its data."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        response = self.client.post(
            f"{self.target.url('api')}/graphql",
            json={"query": query, "variables": variables},
            headers=headers,
        )
        response.raise_for_status()
        body = response.json()
        if body.get("errors"):
            raise GraphQLError("; ".join(error["message"] for error in body["errors"]))
        return dict(body["data"])

    def login(self) -> Api:
        """Logs in as the administrator that the migration made."""
        data = self.run(
            "mutation ($email: String!, $password: String!)"
            " { login(email: $email, password: $password) { token } }",
            email=self.target.outputs["admin_email"],
            password=self.target.outputs["admin_password"],
        )
        self.token = data["login"]["token"]
        return self

    def create(self, title: str) -> str:
        """Creates an issue and returns its id."""
        data = self.run("mutation ($t: String!) { createIssue(input: { title: $t }) { id } }", t=title)
        return str(data["createIssue"]["id"])

    def issue(self, issue_id: str) -> dict[str, Any] | None:
        """One issue, or None."""
        return self.run(
            "query ($id: ID!) { issue(id: $id) { id title status priority triagedAt } }", id=issue_id
        )["issue"]

    def triage(self, issue_id: str, delay: int = 0) -> str:
        """Starts the triage workflow and returns its id."""
        data = self.run(
            "mutation ($id: ID!, $d: Int!) { triageIssue(id: $id, delaySeconds: $d) { id } }",
            id=issue_id,
            d=delay,
        )
        return str(data["triageIssue"]["id"])

    def workflow(self, workflow_id: str) -> str:
        """The status of a workflow in Temporal's words: RUNNING, COMPLETED, …"""
        found = self.run("query ($id: ID!) { workflow(id: $id) { status } }", id=workflow_id)["workflow"]
        return str(found["status"]) if found else "UNKNOWN"
