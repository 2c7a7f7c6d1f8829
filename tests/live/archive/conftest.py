"""A database whose log is archived, with its backup; and a real bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import docker
import pytest

from rehearsal.images import trial
from rehearsal.s3 import S3Server
from rehearsal.storage import Storage
from tests.live.archive.cluster import BUCKET, Cluster, eventually, settings, storage_of


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """At an S3 service, with the stack's keys."""
    return storage_of(tmp_path_factory.mktemp("storage"), "archive")


@pytest.fixture(scope="module")
def storage(built: Callable[..., dict[str, str]], account: Storage) -> Iterator[S3Server]:
    """Its bucket."""
    built("s3")
    with S3Server((BUCKET,), account) as server:
        yield server


@pytest.fixture(scope="module")
def images(built: Callable[..., dict[str, str]]) -> dict[str, str]:
    return {"postgres_archiving": built("postgres_archiving")["postgres_archiving"]}


@pytest.fixture(scope="module")
def running(client: docker.DockerClient, images: dict[str, str], storage: S3Server) -> Iterator[Cluster]:
    with trial.started(client, images, print, settings(storage)) as stack:
        cluster = Cluster(stack, storage)
        eventually(lambda: cluster.text("archive.json") != "")
        eventually(lambda: cluster.text("drill-log.json") != "")  # the first, which would be in others' way
        yield cluster


@pytest.fixture
def cluster(running: Cluster) -> Iterator[Cluster]:
    """It, with a service that is well at the beginning and at the end."""
    running.storage.fault(None)
    yield running
    running.storage.fault(None)
