"""All images, built, and containers of them that run as the program runs its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from docker.models.networks import Network

from tests.live.images.asking import Run

LABELS = {"jira-plus-plus": "image-test"}


@pytest.fixture(scope="session")
def images(built: Callable[..., dict[str, str]]) -> dict[str, str]:
    """The tags by name."""
    return built()


@pytest.fixture(scope="module")
def network(client: docker.DockerClient) -> Iterator[Network]:
    # Docker takes a name twice and then finds it ambiguous: another file's tests may run beside these.
    name = f"jira-plus-plus-image-test-{uuid.uuid4().hex[:8]}"
    network = client.networks.create(name, internal=True, labels=LABELS)
    yield network
    network.remove()


@pytest.fixture(scope="module")
def run(client: docker.DockerClient, images: dict[str, str], network: Network) -> Iterator[Run]:
    """Starts a hardened container of an image; all are removed with their volumes at the end."""
    started = []

    def run(image: str, *command: str, name: str | None = None, **options: Any) -> Container:
        # An alias, no name: names are for all of Docker, and two runs of the tests may overlap.
        endpoint = client.api.create_endpoint_config(aliases=[name] if name else [])
        container = client.containers.create(
            images[image],
            command=list(command) or None,
            labels=LABELS,
            network=network.name,
            networking_config={network.name: endpoint},
            # Docker's name server leaves a question about the outside unanswered on an internal network.
            dns_opt=["timeout:1", "attempts:1"],
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            **options,
        )
        started.append(container)
        container.start()
        return container

    yield run
    for container in started:
        container.remove(force=True, v=True)
