"""For how long nobody is served when what cannot run twice gets another image: measured, for a preview to cite.

Source: `make bench-gap` on the rehearsed stack, and `make bench-upgrade`; docs/bench.md has the rows and the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """Of one service; the longest that was seen, on two cores with other work, rounded up."""

    seconds: int
    """Without an answer. A request that comes meanwhile fails, or waits, as `who` says."""
    who: str
    """Who has none."""


GAPS: Mapping[str, Gap] = {}
"""By service, as `components` name their containers. What is not here comes before the old one goes: no gap."""
