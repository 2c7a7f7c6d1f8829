"""This project's way: a stack like `local` in this machine's Docker, and the engine's `up`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.ways.way import Address, ReleaseFailed
from operations import stack_file
from operations.deployment import Deployment
from rehearsal import project
from rehearsal.run import Rehearsal

ROOT = Path(__file__).resolve().parents[2]
RELEASE_SECONDS = 600
"""More than any release takes."""


@dataclass
class Ours:
    """`pulumi up` of the program, from a fresh process as an operator's is."""

    deployment: Deployment
    address: Address
    title = "`pulumi up` of this program"
    awaits_health = True

    @property
    def stack(self) -> str:
        """Its name, which is in the labels, too."""
        return self.deployment.stack

    def release(self, image: str) -> None:
        """See `Way`. A backup and the migration come first, and a smoke check comes last."""
        deployment = self.deployment
        stack_file.write_images(deployment.project / f"Pulumi.{deployment.stack}.yaml", {"api": image})
        needs = {
            "project": str(deployment.project),
            "stack": deployment.stack,
            "binary": str(deployment.binary),
            "environment": dict(deployment.environment),
            "home": str(Path.home()),
        }
        words = [sys.executable, "-W", "ignore", "-m", "bench.engine", "up"]
        done = subprocess.run(
            words, cwd=ROOT, input=json.dumps(needs), capture_output=True, text=True, timeout=RELEASE_SECONDS
        )
        if done.returncode:
            raise ReleaseFailed(f"up of {deployment.stack} failed:\n{done.stderr[-4000:]}")


@contextmanager
def standing(stack: str, port: int, image: str, folder: Path) -> Iterator[Ours]:
    """The stack, up with that image of the API, on that port of the loopback; destroyed at the end.

    Raises:
        DeploymentFailed, ImageError: it does not come up.
    """
    rehearsal = Rehearsal(
        checkout(folder, stack, port), stack, say=lambda _: None, show=lambda _: None, state=folder / "state"
    )
    os.environ["XDG_STATE_HOME"] = str(folder / "files")  # the program's files, of this stack alone
    try:
        with rehearsal.standing() as deployment:
            stack_file.write_images(deployment.project / f"Pulumi.{stack}.yaml", {"api": image})
            deployment.up()
            yield Ours(deployment, Address(f"http://127.0.0.1:{port}", f"api.localhost:{port}"))
    finally:
        rehearsal.run("destroy")


def checkout(folder: Path, stack: str, port: int) -> Path:
    """A checkout of this program with one stack file, that of `local` on another port."""
    found = folder / "checkout"
    found.mkdir(parents=True)
    for name in ("__main__.py", "Pulumi.yaml", "requirements.txt", "components"):
        (found / name).symlink_to(ROOT / name)
    changes = {
        "host": {"http_port": port},
        "application": {"cors_origins": [f"http://app.localhost:{port}"]},
    }
    config = {f"jira-plus-plus:{section}": value for section, value in changes.items()}
    merged = project.merge(yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text()), {"config": config})
    (found / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(merged, sort_keys=False))
    return found
