"""The memory of the overlap, where old and new run at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from operations.meaning.plan import CONTAINER, Change, Plan
from operations.meaning.services import overlapping


def memory(plan: Plan) -> list[str]:
    """One sentence: the overlap in MB, beside all limits, and against what the machine has."""
    doubled = overlapping(plan)
    standing = _sum(c.step.new for c in plan.all_of(CONTAINER) if c.op != "delete")
    if not standing:
        return []
    budget = plan.after.get("memory_budget") or {}
    kept = (budget.get("services") or {}).get("web_before")
    if isinstance(kept, int | float):  # no resource: the cutover lets it run
        standing += round(kept)
    overlap = _sum(change.step.old for change in doubled)
    if not any(change.op in ("create", "replace") or _limits(change) for change in plan.of(CONTAINER)):
        return []
    names = ", ".join(change.name for change in doubled)
    beside = (
        f"{overlap} MB twice for a while ({names}), beside {standing} MB" if doubled else f"{standing} MB"
    )
    server, reserve = budget.get("server_mb"), budget.get("reserve_mb")
    if not isinstance(server, int | float) or not isinstance(reserve, int | float):
        return [f"{beside} of limits"]
    most = overlap + standing + round(reserve)
    verdict = "" if most <= server else f": {most - server:.0f} MB more than there is"
    return [f"{beside} of limits and {reserve:.0f} MB for the system: {most} of {server:.0f} MB{verdict}"]


def _limits(change: Change) -> bool:
    return "memory" in change.roots or change.op == "delete"


def _sum(inputs: Iterable[Mapping[str, Any]]) -> int:
    limits = [values.get("memory") for values in inputs]
    return round(sum(limit for limit in limits if isinstance(limit, int | float)))
