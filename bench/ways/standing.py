"""The ways, brought up and taken down."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import docker

from bench.ways import compose, ours
from bench.ways.compose import Recreate, Rollout
from bench.ways.way import Address, Way
from rehearsal.images import builder
from tests.ports import free_ports

NAMES = ("ours", "recreate", "rollout", "draining")
PREFIX = "bench-release-"
"""Of each stack's name: what a run that was killed has left is found by it."""
LABEL = "jira-plus-plus.stack"


@contextmanager
def standing(
    client: docker.DockerClient, wanted: Sequence[str], image: str, folder: Path, say: Callable[[str], None]
) -> Iterator[list[Way]]:
    """Those of `NAMES`, up at the same time with that image, so that each is measured beside the same others.

    Raises:
        ReleaseFailed, DeploymentFailed, ImageError: one does not come up.
    """
    traefik = builder.build(("traefik",), builder.only_work(say))["traefik"]
    mark = secrets.token_hex(3)
    with ExitStack() as stack:
        found: list[Way] = []
        for name in wanted:
            say(f"bringing up: {name}")
            whole, (port,) = f"{PREFIX}{name}-{mark}", free_ports(1)
            if name == "ours":
                found.append(stack.enter_context(ours.standing(whole, port, image, folder / name)))
                continue
            up = compose.standing(client, whole, port, image, traefik, drains=name == "draining")
            project = stack.enter_context(up)
            at = Address(f"http://127.0.0.1:{port}", "api.localhost")
            found.append(
                Recreate(project, at) if name == "recreate" else Rollout(project, at, name == "draining")
            )
        for way in found:
            way.address.served()
        yield found


def sweep(client: docker.DockerClient, say: Callable[[str], None]) -> None:
    """Removes what runs that were killed have left in Docker; none may be under way."""
    of_any = {"label": LABEL}
    for container in client.containers.list(all=True, filters=of_any):
        if _left(container.labels, container.name, say):
            container.remove(force=True, v=True)
    for each in (*client.networks.list(filters=of_any), *client.volumes.list(filters=of_any)):
        if _left(each.attrs.get("Labels") or {}, each.name, say):
            each.remove()


def _left(labels: dict[str, str], name: str, say: Callable[[str], None]) -> bool:
    left = labels.get(LABEL, "").startswith(PREFIX)
    if left:
        say(f"an earlier run has left {name}: removed")
    return left
