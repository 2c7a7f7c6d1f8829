"""Peers' ways: Docker Compose, built here from its Go module, by itself and as docker-rollout uses it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker

from bench.ways.way import Address, ReleaseFailed
from operations import golang
from operations.cache import cache_folder

HERE = Path(__file__).parent
FILE = HERE / "compose.yaml"
MODULE = HERE.parent.parent / "tools" / "compose"
PACKAGE = "github.com/docker/compose/v2/cmd"
VERSION = "v2.40.3"
HEALTHY_SECONDS = 60
"""docker-rollout's default, as all that follows it here: https://github.com/wowu/docker-rollout"""
DRAIN = "touch /tmp/drain && sleep 10"
"""Its documentation's pre-stop hook: the health check fails then, and the proxy turns to the new one."""


def program(say: golang.Say = print) -> Path:
    """Docker Compose, from the cache or compiled now, in minutes.

    Raises:
        GoMissing, BuildFailed: see `operations.golang.build`.
    """
    key = hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    binary = cache_folder() / "compose" / key / "docker-compose"
    if not binary.exists():
        linker = f"-X github.com/docker/compose/v2/internal.Version={VERSION}"
        golang.build("docker-compose", MODULE, PACKAGE, binary, linker, say, niceness=golang.NICENESS)
    return binary


@dataclass
class Project:
    """A project of Compose's, with what its file is told."""

    binary: Path
    stack: str
    client: docker.DockerClient
    told: dict[str, str]

    def run(self, *words: str) -> str:
        """Runs a command of Compose's; its standard output.

        Raises:
            ReleaseFailed: it failed.
        """
        return run([str(self.binary), "--file", str(FILE), *words], self.told)

    def ids(self) -> list[str]:
        """The API's containers that run."""
        return self.run("ps", "--quiet", "api").split()


def run(words: list[str], told: Mapping[str, str]) -> str:
    """Runs a command with these variables; its standard output.

    Raises:
        ReleaseFailed: it failed.
    """
    done = subprocess.run(words, env=os.environ | told, capture_output=True, text=True)
    if done.returncode:
        raise ReleaseFailed(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


@dataclass
class Recreate:
    """`docker compose up -d`: the old one is stopped, then the new one is made and started."""

    project: Project
    address: Address
    title = "`docker compose up -d`"
    awaits_health = False

    @property
    def stack(self) -> str:
        """The project's name, which is in the labels, too."""
        return self.project.stack

    def release(self, image: str) -> None:
        """See `Way`."""
        self.project.told["IMAGE"] = image
        self.project.run("up", "--detach", "api")


@dataclass
class Rollout:
    """As docker-rollout: scaled to two, and the old one is removed once the new one is healthy.

    With `drains` as its page on draining has it: the old one's health check fails 10 s before it is stopped.
    """

    project: Project
    address: Address
    drains: bool = False
    awaits_health = True

    @property
    def title(self) -> str:
        """As the table names it."""
        return "as docker-rollout, with its draining" if self.drains else "as docker-rollout"

    @property
    def stack(self) -> str:
        """The project's name, which is in the labels, too."""
        return self.project.stack

    def release(self, image: str) -> None:
        """See `Way`."""
        self.project.told["IMAGE"] = image
        old = self.project.ids()
        self.project.run("up", "--detach", f"--scale=api={2 * len(old)}", "--no-recreate", "api")
        self._wait(set(self.project.ids()) - set(old))
        if self.drains:
            for each in old:
                run(["docker", "exec", each, "sh", "-c", DRAIN], {})
        run(["docker", "stop", *old], {})
        run(["docker", "rm", *old], {})

    def _wait(self, new: set[str]) -> None:
        for _ in range(HEALTHY_SECONDS):
            states = [self.project.client.api.inspect_container(each)["State"] for each in new]
            if states and all(state["Health"]["Status"] == "healthy" for state in states):
                return
            time.sleep(1)
        raise ReleaseFailed(f"not healthy within {HEALTHY_SECONDS} s: {', '.join(sorted(new))}")


@contextmanager
def standing(
    client: docker.DockerClient, stack: str, port: int, image: str, traefik: str, drains: bool = False
) -> Iterator[Project]:
    """The project, up and healthy, on that port of the loopback; gone with all that is its own at the end.

    Raises:
        ReleaseFailed: it does not become healthy.
    """
    told = {"STACK": stack, "PORT": str(port), "IMAGE": image, "TRAEFIK": traefik}
    # Its page on draining has one: of ours, which is slow to give up, the proxy would not learn in time.
    project = Project(program(), stack, client, {**told, "RETRIES": "1" if drains else "4"})
    try:
        project.run("up", "--detach", "--wait", f"--wait-timeout={HEALTHY_SECONDS}")
        yield project
    finally:
        project.run("down", "--volumes", "--timeout=1")
