"""For how long what stops first is not there, as it was measured, and who notices."""

from __future__ import annotations

from operations.gaps import GAPS
from operations.meaning.plan import Change

MEANWHILE = {
    "autoheal": "nothing is restarted",
    "backup": "no backup begins, and one that is being made is cut off",
    "logs": "what is said waits in the machine's journal",
    "grafana": "nobody sees the metrics there; the store's own pages have them",
    "metrics": "nothing is kept of how it is, and nobody sees it",
    "node-exporter": "the machine tells nothing of itself",
    "postgres-exporter": "the database tells nothing of itself",
    "socket-autoheal": "nothing is restarted",
    "socket-watchtower": "nobody looks for newer images",
    "watchtower": "nobody looks for newer images",
}
ANEW = "134 to 154 s in rehearsals, and at Hetzner images come over the network, too"
"""docs/runbook.md, Replace the server."""
OFF = "nobody is served for minutes, which no rehearsal has: they are Hetzner's"


def expected(change: Change) -> str:
    """The gap of a container that goes before the next one comes."""
    if gap := GAPS.get(change.name):
        return f"at most {gap.seconds} s: {gap.who}"
    grace = change.step.old.get("destroyGraceSeconds")
    until = f"at most {grace:g} s to stop, and " if isinstance(grace, int | float) else ""
    lasts = f"not measured: {until}until the next one is healthy"
    meanwhile = MEANWHILE.get(change.name)
    return f"{lasts}: {meanwhile}" if meanwhile else lasts
