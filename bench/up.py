"""A rehearsed stack that is up, for who measures it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from operations.deployment import Deployment
from rehearsal.run import Rehearsal
from tests.playbook.target import Target

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def up(stack: str) -> Iterator[tuple[Deployment, Target]]:
    """Its deployment, and how it is reached."""
    rehearsal = Rehearsal(ROOT, stack, say=lambda _: None, show=lambda _: None)
    with rehearsal.standing() as deployment:
        outputs = rehearsal.state / "outputs.json"
        deployment.write_outputs(outputs)
        target = Target.load(stack, outputs, None)
        yield deployment, replace(target, connect=target.outputs.get("server_ipv4") or "127.0.0.1")
