"""The application's answers to whom it is asked by: Docker, a release, the router; with nobody else there."""

from __future__ import annotations

import time

import pytest
from docker.models.containers import Container

from tests.live.images.asking import Run, finished, succeeds, until

pytestmark = pytest.mark.live

ASK = "fetch('http://127.0.0.1:4000' + process.argv[1]).then((r) => process.exit(r.status === 200 ? 0 : 1))"
DRAIN_SECONDS = 20
SUBSCRIBE = """
const body = JSON.stringify({ query: "subscription { seconds }" });
const headers = { "content-type": "application/json", accept: "text/event-stream" };
const response = await fetch("http://ending:4000/graphql", { method: "POST", headers, body });
for await (const part of response.body.pipeThrough(new TextDecoderStream())) console.log(part);
console.log("closed");
"""


@pytest.fixture(scope="module")
def api(run: Run) -> Container:
    return started(run, DRAIN_SECONDS)


def started(run: Run, drain_seconds: int, name: str | None = None) -> Container:
    """The API, of which neither Postgres nor Temporal is there."""
    container = run(
        "application",
        name=name,
        user="1000:1000",
        init=True,
        tmpfs={"/tmp": ""},
        environment={
            "DATABASE_URL": "postgresql://jira:secret@postgres:5432/jira?connection_limit=3",
            "SESSION_SECRET": "secret",
            "TEMPORAL_ADDRESS": "temporal:7233",
            "DRAIN_SECONDS": str(drain_seconds),
        },
    )
    until(lambda: answers(container, "/health"), "it lives")
    return container


def answers(api: Container, path: str) -> bool:
    """Whether the path answers with 200."""
    return succeeds(api, "node", "-e", ASK, path)


def test_it_takes_requests_while_postgres_and_temporal_are_away(api: Container) -> None:
    """runtime 14."""
    assert answers(api, "/graphql?query=%7B__typename%7D"), "what needs neither of them is served"
    assert not answers(api, "/ready"), "but no release would count as good"


def test_it_drains_and_serves_on(api: Container) -> None:
    api.kill("SIGTERM")
    told = time.monotonic()
    until(lambda: not answers(api, "/ready"), "it drains", 10)
    assert answers(api, "/health"), "it is no reason to restart it"
    assert answers(api, "/graphql?query=%7B__typename%7D"), "whoever still comes is served"
    assert time.monotonic() - told < DRAIN_SECONDS


def test_a_subscription_is_completed_when_the_drain_is_over(run: Run) -> None:
    server = started(run, 1, name="ending")
    client = run("application", "node", "--input-type=module", "-e", SUBSCRIBE, user="1000:1000")
    until(lambda: '"seconds":1' in client.logs().decode(), "it is subscribed")
    assert "complete" not in client.logs().decode()
    server.kill("SIGTERM")
    told = finished(client, 30)
    assert "event: complete" in told
    assert told.endswith("closed"), "it was no reset"
