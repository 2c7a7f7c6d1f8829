"""What the resources ask of a Docker engine, in the words and JSON bodies of its API.

Two engines answer: the live one (over a unix socket, TCP or ssh) and the recorded one.
"""

from __future__ import annotations

from typing import Any, Protocol

from rehearsal.plugins.provider import ProviderError

Body = dict[str, Any]
"""A JSON object of the Docker Engine API."""


class EngineError(ProviderError):
    """The engine refused: the status of its answer and its text, as the Docker CLI shows it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.status = status

    @property
    def missing(self) -> bool:
        """Whether what was asked for does not exist."""
        return self.status == 404


class Engine(Protocol):
    """A Docker engine. Every method raises `EngineError` when the engine refuses."""

    @property
    def api_version(self) -> tuple[int, int]:
        """The version of the API that was agreed on."""

    def create_container(self, name: str, body: Body, platform: str) -> str:
        """Make a container, not started: its id."""

    def inspect_container(self, container: str) -> Body:
        """What is known of a container."""

    def start_container(self, container: str) -> None:
        """Start it."""

    def stop_container(self, container: str, grace: int) -> None:
        """Send its stop signal, and SIGKILL after `grace` seconds."""

    def remove_container(self, container: str, volumes: bool) -> None:
        """Remove it, running or not, and its anonymous volumes too if asked for."""

    def wait_container(self, container: str, condition: str) -> int:
        """Wait until it is `not-running` or `removed`: its exit code."""

    def update_container(self, container: str, body: Body) -> None:
        """Change limits and restart policy of a running container."""

    def container_logs(self, container: str) -> str:
        """What it wrote to stdout and stderr so far."""

    def put_archive(self, container: str, path: str, archive: bytes) -> None:
        """Unpack a tar archive inside the container."""

    def connect(self, network: str, container: str, endpoint: Body) -> None:
        """Attach the container to a network, given by name or id."""

    def disconnect(self, network: str, container: str) -> None:
        """Take the container off a network."""

    def create_network(self, body: Body) -> str:
        """Make a network: its id. A name that is in use is refused."""

    def inspect_network(self, network: str) -> Body:
        """What is known of a network."""

    def remove_network(self, network: str) -> None:
        """Remove a network; one with containers on it is refused."""

    def create_volume(self, body: Body) -> Body:
        """Make a volume, or find the one of this name."""

    def inspect_volume(self, volume: str) -> Body:
        """What is known of a volume."""

    def remove_volume(self, volume: str) -> None:
        """Remove a volume and its data; one in use is refused."""

    def inspect_image(self, image: str) -> Body:
        """What is known of a local image, given by reference or id."""

    def pull_image(self, image: str, platform: str, auth: Body | None) -> None:
        """Fetch an image from its registry."""

    def remove_image(self, image: str, force: bool) -> None:
        """Untag an image, and remove it with its last name."""

    def close(self) -> None:
        """Let go of connections."""
