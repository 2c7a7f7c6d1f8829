"""A real Docker engine for the live tests, an image to run on it, and proof that nothing stays behind."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
from docker.errors import DockerException

from rehearsal.images import ImageError, builder
from tests.rehearsal.plugins.docker_stack import LABEL


@pytest.fixture(scope="session")
def client() -> docker.DockerClient:
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        pytest.skip(f"no Docker answers: {error}")
    return client


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> str:
    """A small image with a shell."""
    try:
        return builder.build(("base",))["base"]
    except ImageError as error:
        pytest.skip(f"the base image cannot be built: {error}")


@pytest.fixture
def clean(client: docker.DockerClient) -> Iterator[docker.DockerClient]:
    """The engine; what a test leaves is removed, and that it left nothing is asserted."""
    yield client
    ours = {"label": f"jira-plus-plus={LABEL}"}
    left = [
        *client.containers.list(all=True, filters=ours),
        *client.networks.list(filters=ours),
        *client.volumes.list(filters=ours),
    ]
    for thing in left:
        thing.remove(**({"force": True} if hasattr(thing, "image") else {}))
    assert not left, f"stayed behind: {[thing.name for thing in left]}"
