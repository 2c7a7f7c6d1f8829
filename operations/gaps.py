"""For how long nobody is served when what cannot run twice gets another image: measured, for previews."""

Source: `make bench-gap` on the rehearsed stack; docs/bench.md has the rows, and the day and the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """Of one service: the longest that was seen, rounded up."""

    seconds: int
    """From the first request without an answer to the next answer."""
    who: str
    """What is not answered meanwhile."""


GAPS: Mapping[str, Gap] = {}
"""By service. What is not here comes before the old one goes, and has no gap."""
