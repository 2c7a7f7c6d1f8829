"""One stack of containers for all rows of this folder; each row finds it well and leaves it well."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import docker
import pytest

from rehearsal.images import trial
from rehearsal.s3 import S3Server
from tests.faults.containers.stack import BALLAST, Stack, own_disks
from tests.faults.row import Row
from tests.faults.watch import Watch
from tests.faults.writer import TABLE, Writer
from tests.live.archive.cluster import BUCKET, eventually, settings, storage_of

COPIES = "copies"


@pytest.fixture(scope="package")
def buckets(
    built: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[S3Server, S3Server]]:
    """Two services, with the stack's keys: of the log, and of the copies."""
    built("s3")
    home = tmp_path_factory.mktemp("buckets")
    with (
        S3Server((BUCKET,), storage_of(home / "log", "archive")) as log,
        S3Server((COPIES,), storage_of(home / "copies", "offsite")) as copies,
    ):
        yield log, copies


@pytest.fixture(scope="package")
def images(built: Callable[..., dict[str, str]]) -> dict[str, str]:
    return built("postgres_archiving", "restic")


def declared(log: S3Server, copies: S3Server) -> dict[str, object]:
    """What the stack file says of the buckets."""
    offsite = {"endpoint": copies.endpoint, "bucket": COPIES, "certificate_authority": copies.ca_pem}
    return {**settings(log), "backup.offsite": offsite}


@pytest.fixture(scope="package")
def running(
    client: docker.DockerClient,
    images: dict[str, str],
    buckets: tuple[S3Server, S3Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    log, copies = buckets
    with trial.started(client, images, print, declared(log, copies)) as name:
        stack = Stack(name, log, copies, tmp_path_factory.mktemp("machine"))
        with own_disks(stack):
            stack.sql(TABLE)
            stack.sql(BALLAST)
            # What a new stack does of its own accord, and each row finds done: backups, copies, drills.
            # A drill that begins in a row meets that row's fault, too.
            for name in ("archive.json", "offsite.json", "drill-copies.json", "drill-log.json"):
                eventually(lambda name=name: stack.text(name) != "", 600)  # type: ignore[misc]
            stack.dumped()
            yield stack


@pytest.fixture(scope="package")
def writer(running: Stack) -> Iterator[Writer]:
    with Writer(running.writing) as writer:
        yield writer


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """It, with services that are well at the beginning and at the end."""
    for bucket in (running.storage, running.copies):
        bucket.fault(None)
    yield running
    for bucket in (running.storage, running.copies):
        bucket.fault(None)


@pytest.fixture
def watch(stack: Stack, writer: Writer, row: Row) -> Watch:
    return Watch(row, writer, stack.sql, stack.whole)
