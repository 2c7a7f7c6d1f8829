"""For how long nobody is served when what cannot run twice gets another image: measured, for previews.

Source: `make bench-gap`, whose rows are in docs/bench.md (What must stop first): the worst of each service,
measured beside much other work on two cores, and rounded up. Not measured: the 15 s of Traefik's, which are
`GRACE_SECONDS` in components/services/traefik.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """Of one service: the longest that was seen, rounded up."""

    seconds: int
    """From the first request without an answer to the next answer."""
    who: str
    """What is not answered meanwhile."""


GAPS: dict[str, Gap] = {
    "postgres": Gap(5, "what needs the database; pages are served"),
    "temporal": Gap(4, "what begins or signals a workflow; pages and queries are served"),
    "traefik": Gap(5, "everything; up to 15 s more while requests are under way, whose end it waits for"),
}
"""By service. Of what else people use, the next comes before the last goes, and there is no gap."""
