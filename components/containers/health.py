"""How a container shows that it can serve."""

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pulumi
import pulumi_docker as docker

from components.containers.process import SHIM

HERE = Path(__file__).parent

START_SECONDS = 1
STEADY_SECONDS = 10
STEADY_RETRIES = 3
"""Each check is a process that containerd starts: of all containers each 3 s they took a third of a core of
an idle machine (docs/bench.md)."""
WITH_START_INTERVAL = ("debian-13",)
"""Images of Hetzner's whose Docker knows a start interval: it came with API 1.44, Docker 25. Debian 13 has
26.1; Debian 12 has 20.10, and an older one refuses a container that has it."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """A command that ends with 0 while the container is well. All times are in seconds.

    During `start_period` a failure does not count. `wait` bounds the wait for the first success.

    A release waits for the first check. Docker 25 and newer looks each `START_SECONDS` at what has not been
    well within its `start_period` (5 s where it is not told), and then each `STEADY_SECONDS`
    (daemon/health.go of moby). An older one has one `interval` for both, from the start on, so it is short;
    and so it is where nobody knows which Docker there is.

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

    def inputs(self, image: pulumi.Output[str] | None) -> pulumi.Input[docker.ContainerHealthcheckArgs]:
        """The check as the provider takes it, for a server that was made from `image`; None: not by us."""
        if image is None:
            return self._inputs()
        return image.apply(lambda name: self._steady() if name in WITH_START_INTERVAL else self._inputs())

    def _inputs(self) -> docker.ContainerHealthcheckArgs:
        return docker.ContainerHealthcheckArgs(
            tests=["CMD", *self.command],
            interval=go_duration(self.interval),
            timeout=go_duration(self.timeout),
            retries=self.retries,
            start_period=go_duration(self.start_period),
        )

    def _steady(self) -> docker.ContainerHealthcheckArgs:
        args = replace(self, interval=STEADY_SECONDS, retries=STEADY_RETRIES)._inputs()
        args.start_interval = go_duration(START_SECONDS)
        return args


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
