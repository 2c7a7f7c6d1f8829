"""Whether the containers of a stack are there, run, and are healthy."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.checks.finding import Finding
from operations.place import Place

_RUNBOOK = "docs/runbook.md, A container is unhealthy"


@dataclass(frozen=True)
class Containers:
    """`wanted`: the name in Docker of each service's container."""

    stack: str
    wanted: Mapping[str, str]

    def findings(self, place: Place) -> list[Finding]:
        """What is not well of them, and of whatever else of the stack's runs there and is unhealthy.

        Raises:
            OSError, subprocess.SubprocessError, ValueError: they cannot be asked.
        """
        label = shlex.quote(f"label=jira-plus-plus.stack={self.stack}")
        listed = f"$(docker ps --all --quiet --no-trunc --filter {label})"
        # Without containers `inspect` complains and prints nothing; so does a Docker that is away.
        return self.judged(
            json.loads(place.run(f"docker version >/dev/null && docker inspect {listed}") or "[]")
        )

    def judged(self, inspected: Sequence[Mapping[str, Any]]) -> list[Finding]:
        """The same of what `docker inspect` has printed of the stack's containers."""
        there = {found["Name"].lstrip("/"): found for found in inspected}
        missing = [
            Finding(name, "is not there", "`make deploy` makes it again")
            for name in self.wanted.values()
            if name not in there
        ]
        return missing + [
            Finding(name, state, self._remedy(name, state))
            for name, found in sorted(there.items())
            if (state := _state(found["State"], name in self.wanted.values()))
        ]

    def _remedy(self, name: str, state: str) -> str:
        if found := re.search(r"the last drill of the (\w+) failed|the drill of the (\w+) is overdue", state):
            command = f"make drill STACK={self.stack} KIND={found[1] or found[2]}"
            return f"`{command}` makes one now (docs/runbook.md, A drill failed)"
        return f"`docker logs --since 10m {name}` says why ({_RUNBOOK})"


def _state(state: Mapping[str, Any], wanted: bool) -> str | None:
    """What is wrong, in words; None: nothing. Of a container that ended only those that are wanted count."""
    health = state.get("Health") or {}
    if state["Status"] != "running":
        killed = ", out of memory" if state.get("OOMKilled") else ""
        return f"is {state['Status']} (exit code {state.get('ExitCode')}{killed})" if wanted else None
    if health.get("Status") in ("healthy", "none", None):
        return None
    checks = health.get("Log") or []
    said = " ".join(checks[-1]["Output"].split())[:400] if checks else "no check has ended yet"
    return f"is {health['Status']}: {said}"
