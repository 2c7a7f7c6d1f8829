"""A database with backups, and a bucket of a real S3 server that fails on demand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal.s3 import S3Server
from tests.components.backup.conftest import backups
from tests.components.backup.test_offsite import Run, restic, variables
from tests.components.services.conftest import Server, give, server

__all__ = ["backups", "restic", "server"]


@pytest.fixture(scope="module")
def running(built: Callable[..., dict[str, str]]) -> Iterator[S3Server]:
    built("s3")
    with S3Server(("copies", "masked")) as storage:
        yield storage


@pytest.fixture
def storage(running: S3Server) -> Iterator[S3Server]:
    """It, well at the beginning and at the end."""
    running.fault(None)
    yield running
    running.fault(None)


def in_bucket(given: dict[str, str], server: Server, storage: S3Server, name: str) -> dict[str, str]:
    """The variables of a script, with a repository of that name in the bucket."""
    authority = server.folder / "authority.pem"
    authority.write_text(storage.ca_pem)
    give(authority)
    return given | {
        "AWS_ACCESS_KEY_ID": storage.access_key,
        "AWS_SECRET_ACCESS_KEY": storage.secret_key,
        "RESTIC_CACERT": str(authority),
        "RESTIC_REPOSITORY": f"s3:{storage.endpoint}/copies/{re.sub(r'[^a-z_]', '-', name)}",
    }


@pytest.fixture
def offsite(
    server: Server, backups: Path, restic: Path, storage: S3Server, request: pytest.FixtureRequest
) -> Run:
    """Runs a script as the container of the backup does, with a repository of the test's own."""
    given = in_bucket(variables(server, backups, Path(), restic), server, storage, request.node.name)

    def run(*arguments: str, script: str = "offsite.sh", **changes: str):  # type: ignore[no-untyped-def]
        return server.run("bash", script, *arguments, environment=given | changes)

    return run
