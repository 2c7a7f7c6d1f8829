"""Whether the code of a worker's image goes the way that workflows have gone: their histories, replayed.

Histories hold what users wrote, so they go from one container to the other on the machine, and nowhere else.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from .target import Target

HERE = Path(__file__).parent
MOST = 500
"""Histories, the newest; a replay takes milliseconds."""


@dataclass(frozen=True)
class Replayed:
    """A history that was replayed."""

    workflow: str
    running: bool
    """Whether it had not ended yet."""
    events: int
    error: str
    """Empty: the code goes the same way."""


def replayed(target: Target, before: str, workflows: str = "") -> list[Replayed]:
    """The workflows of the worker's queue that began before a moment (RFC 3339), replayed by its image.

    `workflows` is where the image has them, from its working directory, if not where the stand-in does.

    Raises:
        AssertionError: they cannot be had, or not be replayed; it tells what the container said.
    """
    worker = target.containers()["worker"]
    image = f"$(docker inspect --format '{{{{.Image}}}}' {worker})"
    environment = "docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' " + worker
    # By itself: the worker's memory is no more than it needs.
    fetched = _node(
        image,
        "histories.js",
        *("--env-file", "/dev/stdin", "--env", f"BEFORE={before}", "--env", f"MOST={MOST}"),
        *("--network", f"container:{worker}"),
    )
    return of(target, f"{environment} | grep ^TEMPORAL_ | {fetched}", image, workflows)


def of(target: Target, histories: str, image: str, workflows: str = "") -> list[Replayed]:
    """The histories that the shell command `histories` prints, replayed in a container of `image`.

    It is alone: without network, and without secrets. `image` is a word of the shell.
    """
    replay = _node(
        image, "replay.js", "--interactive", "--env", f"WORKFLOWS={workflows}", "--network", "none"
    )
    return [Replayed(**found) for found in json.loads(target.ssh(f"{histories} | {replay}", timeout=300))]


def _node(image: str, script: str, *options: str) -> str:
    """The command that runs a script of this folder in a container of `image`, as that is in itself."""
    run = [
        *("docker", "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
        *("--user", "1000:1000", "--memory", "512m", "--entrypoint", "node", *options),
    ]
    program = ["--input-type=module", "--eval", (HERE / script).read_text()]
    return f"{shlex.join(run)} {image} {shlex.join(program)}"
