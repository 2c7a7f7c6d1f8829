"""How a container shows that it can serve."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pulumi_docker as docker

from components.containers.process import SHIM

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Health:
    """A command that ends with 0 while the container is well. All times are in seconds.

    The first check runs one `interval` after the start, and a release waits for it: keep it short.
    During `start_period` a failure does not count. `wait` bounds the wait for the first success.

    Autoheal restarts what is unhealthy, so that must be certain: no answer within `timeout`, `retries` times
    on end. A check shares its container's cores, and is as slow as what it asks when these are busy.
    """

    command: tuple[str, ...]
    once: bool = False
    """Whether the container is told that it has been healthy once (see `first_success`)."""
    interval: int = 5
    timeout: int = 10
    retries: int = 4
    start_period: int = 30
    wait: int = 120

    def inputs(self) -> docker.ContainerHealthcheckArgs:
        """The check as the provider takes it."""
        return docker.ContainerHealthcheckArgs(
            tests=["CMD", *self.command],
            interval=go_duration(self.interval),
            timeout=go_duration(self.timeout),
            retries=self.retries,
            start_period=go_duration(self.start_period),
        )


def go_duration(seconds: int) -> str:
    """Seconds as Go prints them (`1m30s`): the provider reads them back so, and a refresh finds no change."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


FOLDER = str(PurePosixPath(SHIM).parent)
"""In the container, read-only: where it finds that it has been healthy once."""


def first_success(files: str, container_id: str) -> str:
    """The file that tells it, on the host, where the container's files are in the folder `files`.

    On the host, for it must outlive a restart, which empties each tmpfs. Its name ends with the container's
    host name, the beginning of its id: a container of the next release may be given the same folder.
    """
    return f"{files}{FOLDER}/ready-{container_id[:12]}"


def node_http(port: int, ready: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A check for images with Node and without curl: ready once, then alive.

    A release must not count as good before it reached the database: until its first success each path of
    `ready` is asked. From then on `/health` decides, after a restart, too: a database that is away must not
    make autoheal restart its clients.
    """
    script = (HERE / "healthcheck.js").read_text(encoding="utf-8")
    health, *urls = (f"http://127.0.0.1:{port}{path}" for path in ("/health", *ready))
    return ("node", "-e", script, health, *((FOLDER, *urls) if urls else ()))


def http(port: int, path: str) -> tuple[str, ...]:
    """A check for images with busybox or wget: the path answers with a status below 400."""
    return ("wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}{path}")
