"""What the server does meanwhile."""

from __future__ import annotations

from operations.failures import SERVER
from operations.meaning.gaps import ANEW, OFF
from operations.meaning.plan import Change, Plan

PREPARED = "host-bootstrap"


def server(plan: Plan) -> list[str]:
    """Sentences about the machine; none where it is not the program's, and nothing is done to it."""
    found = [sentence for change in plan.all_of(SERVER) for sentence in _of(change)]
    prepared = plan.runs(PREPARED)
    if prepared and prepared.op != "create" and not any(c.op != "same" for c in plan.all_of(SERVER)):
        found.append("is prepared anew; where Docker's own configuration changed, all containers restart")
    return found


def _of(change: Change) -> list[str]:
    old, new = change.step.old.get("serverType"), change.step.new.get("serverType")
    if change.op == "create":
        return ["is made, boots and is prepared"]
    if change.op == "delete":
        return ["is deleted, and all that runs on it"]
    if change.op == "replace":
        return [f"is made anew: nobody is served until all runs on the new one; {ANEW}"]
    if "serverType" in change.roots:
        return [f"is switched off, becomes {new} ({old} so far), and is switched on: {OFF}"]
    return ["runs on"]
