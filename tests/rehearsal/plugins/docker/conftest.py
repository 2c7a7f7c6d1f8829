"""A real Docker engine for the live tests, an image to run on it, and proof that nothing stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import docker
import pytest

from tests.rehearsal.plugins.docker_stack import LABEL


@pytest.fixture(scope="session")
def image(built: Callable[..., dict[str, str]]) -> str:
    """A small image with a shell."""
    return built("base")["base"]


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
