"""The steps of a run, one change for each resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.journal import STACK, Journal, Step
from operations.marks import shown

CONTAINER = "docker:index/container:Container"
IMAGE = "docker:index/remoteImage:RemoteImage"
COMMANDS = ("command:local:Command", "command:remote:Command")
_EFFECTS = ("create", "update", "replace", "delete")


@dataclass(frozen=True)
class Change:
    """What becomes of one resource: `op` is create, update, replace, delete, or same."""

    op: str
    step: Step
    start_first: bool = False
    """Of a replacement: whether the new one is there before the old one goes."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.step.name

    @property
    def roots(self) -> tuple[str, ...]:
        """The inputs that differ, each once, in the engine's order."""
        paths = [*self.step.changed, *self.step.replacing]
        return tuple(dict.fromkeys(path.partition(".")[0].partition("[")[0] for path in paths))


class Plan:
    """Of a preview, or of a run that is over: the engine tells both in the same steps."""

    def __init__(self, journal: Journal) -> None:
        first: dict[tuple[str, str], int] = {}
        for at, step in enumerate(journal.steps):
            first.setdefault((step.urn, step.op), at)
        self._changes: dict[str, Change] = {}
        for (urn, op), at in first.items():
            if op not in (*_EFFECTS, "same"):
                continue
            born, gone = first.get((urn, "create-replacement")), first.get((urn, "delete-replaced"))
            start_first = born is not None and (gone is None or born < gone)
            known = self._changes.get(urn)
            if known is None or known.op == "same":
                self._changes[urn] = Change(op, journal.steps[at], op == "replace" and start_first)
        self.before = shown(next((s.outputs for s in journal.steps if s.type == STACK), {}))
        """The stack's outputs so far."""
        self.after: Mapping[str, Any] = journal.outputs
        """And from now on; empty where the program did not get so far."""

    def __iter__(self) -> Iterator[Change]:
        """What changes, without the stack itself, in the engine's order."""
        return (c for c in self._changes.values() if c.op != "same" and c.step.type != STACK)

    def of(self, *types: str) -> list[Change]:
        """Those of these types that change, by name: the engine's order is another one each time."""
        return [change for change in self.all_of(*types) if change.op != "same"]

    def all_of(self, *types: str) -> list[Change]:
        """Those of these types, what stays the same as well."""
        found = (change for change in self._changes.values() if change.step.type in types)
        return sorted(found, key=lambda change: change.name)

    def runs(self, name: str) -> Change | None:
        """The command of that name, where it is run."""
        return next((c for c in self.of(*COMMANDS) if c.name == name and c.op != "delete"), None)
