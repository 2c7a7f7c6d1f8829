"""For how long what stops first is not there, as it was measured, and who notices."""

from __future__ import annotations

import json
from pathlib import Path

from operations.meaning.plan import Change

SECONDS: dict[str, float] = json.loads((Path(__file__).parent / "gaps.json").read_text())
"""By service, from the stop signal until the next one is healthy: `make bench-gap`, docs/bench.md."""
MEANWHILE = {
    "autoheal": "nothing is restarted",
    "backup": "no backup begins, and one that is being made is cut off",
    "postgres": "who needs data gets an error",
    "socket-autoheal": "nothing is restarted",
    "socket-traefik": "what is served goes on",
    "socket-watchtower": "nobody looks for newer images",
    "temporal": "no workflow begins or goes on",
    "traefik": "no name answers",
    "watchtower": "nobody looks for newer images",
}
ANEW = "134 to 154 s in rehearsals, and at Hetzner images come over the network, too"
"""docs/runbook.md, Replace the server."""
OFF = "nobody is served for minutes, which no rehearsal has: they are Hetzner's"


def expected(change: Change) -> str:
    """The gap of a container that goes before the next one comes."""
    seconds = SECONDS.get(change.name)
    if seconds is None:
        grace = change.step.old.get("destroyGraceSeconds")
        until = f"at most {grace:g} s to stop, and " if isinstance(grace, int | float) else ""
        lasts = f"not measured: {until}until the next one is healthy"
    else:
        lasts = f"about {seconds:.0f} s"
    meanwhile = MEANWHILE.get(change.name)
    return f"{lasts}: {meanwhile}" if meanwhile else lasts
