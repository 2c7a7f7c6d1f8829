"""All that is to be said about a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from operations.journal import Journal
from operations.meaning.canary import canary
from operations.meaning.cost import cost
from operations.meaning.data import data
from operations.meaning.irreversible import irreversible
from operations.meaning.memory import memory
from operations.meaning.plan import Plan
from operations.meaning.server import server
from operations.meaning.services import Replaced, services


@dataclass(frozen=True)
class Meaning:
    """`points` are a subject and its sentences; both are empty of a plan that changes nothing."""

    services: Sequence[Replaced]
    points: Sequence[tuple[str, Sequence[str]]]

    @classmethod
    def of(cls, stack: str, journal: Journal) -> Meaning:
        """Of a preview of `stack`; one that failed says what it means as far as it came."""
        plan = Plan(journal)
        if not any(True for _ in plan):
            return cls([], [])
        points = [
            ("Canary", canary(plan)),
            ("Data", data(plan, stack)),
            ("No way back", irreversible(plan) or ["nothing"]),
            ("Server", server(plan)),
            ("Memory", memory(plan)),
            ("Cost", cost(plan)),
        ]
        return cls(services(plan), [(subject, said) for subject, said in points if said])

    def __bool__(self) -> bool:
        return bool(self.services or self.points)
