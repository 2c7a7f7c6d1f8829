"""How each service is replaced, and for how long it is not there."""

from __future__ import annotations

from dataclasses import dataclass

from operations.failures import SERVER
from operations.meaning import gaps
from operations.meaning.canary import SERVICE as CANARY
from operations.meaning.plan import CONTAINER, Change, Plan
from operations.meaning.reasons import reasons

NONE = "none"
WEB = "web"
KEPT = ", all but what only the former one has of assets"
"""`components/services/cutover.py`."""


@dataclass(frozen=True)
class Replaced:
    """Services of which the same is to be said."""

    services: tuple[str, ...]
    how: str
    gap: str
    why: str


def services(plan: Plan) -> list[Replaced]:
    """A row for what happens in the same way to one service or several."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for change in plan.of(CONTAINER):
        found.setdefault(_row(change, plan), []).append(change.name)
    return [Replaced(tuple(names), *row) for row, names in found.items()]


def _row(change: Change, plan: Plan) -> tuple[str, str, str]:
    if change.op == "create":
        return "new", "", ""
    if change.op == "delete" and change.name == CANARY:
        return (
            "drains and stops, once the API has all of the traffic",
            NONE,
            "no canary in the settings any more",
        )
    if change.op == "delete":
        return "stops for good", "from then on", "not in the settings any more"
    why = reasons(change, plan)
    if change.op == "update":
        return "changed as it runs", NONE, why
    if any(server.op == "replace" for server in plan.of(SERVER)):
        return "made anew on the new server", "as long as the server's", "with the server"
    if change.start_first:
        if not cutover(plan):
            return "beside the one that runs, which then drains and stops", NONE, why
        kept = KEPT if change.name == WEB and "image" in change.roots else ""
        return f"beside the one that runs, then the traffic is switched{kept}", NONE, why
    return "stops first", gaps.expected(change), why


def cutover(plan: Plan) -> bool:
    """Whether a command of the plan leads the traffic over."""
    return any(plan.runs(step.name) for step in plan if "cutover" in step.name)


def overlapping(plan: Plan) -> list[Change]:
    """Those of which two run at once."""
    return [change for change in plan.of(CONTAINER) if change.op == "replace" and change.start_first]
