"""The application's answers to whom it is asked by: Docker, a release, the router; with nobody else there."""

from __future__ import annotations

import time

import pytest
from docker.models.containers import Container

from tests.live.images.asking import Run, succeeds, until

pytestmark = pytest.mark.live

ASK = "fetch('http://127.0.0.1:4000' + process.argv[1]).then((r) => process.exit(r.status === 200 ? 0 : 1))"
DRAIN_SECONDS = 20


@pytest.fixture(scope="module")
def api(run: Run) -> Container:
    """The API, of which neither Postgres nor Temporal is there."""
    container = run(
        "application",
        user="1000:1000",
        init=True,
        tmpfs={"/tmp": ""},
        environment={
            "DATABASE_URL": "postgresql://jira:secret@postgres:5432/jira?connection_limit=3",
            "SESSION_SECRET": "secret",
            "TEMPORAL_ADDRESS": "temporal:7233",
            "DRAIN_SECONDS": str(DRAIN_SECONDS),
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
