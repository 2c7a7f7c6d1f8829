"""What was seen of one way of releasing."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.losses import Loss
from bench.picture import Panel
from bench.traffic import Seen
from bench.ways.way import Way

HEAD = """\
| way | releases | requests | lost | slowest | 99 % within | a release, idle: median (most) | under load |
|---|---|---|---|---|---|---|---|"""
LOST, SLOWEST, SECONDS, TIMES = 0, 1.0, 8.0, 3.0
"""The goals for our own way: lost requests, seconds of the slowest, of a release on idle cores, how many
times that one takes under load; the last two by the median."""


@dataclass(frozen=True)
class Release:
    """One release, in seconds since 1970."""

    commanded: float
    over: float
    """When the old container had ended and the new one was healthy; most ways wait for that one before."""
    done: float
    """When the command was."""

    @property
    def seconds(self) -> float:
        """From the command until it was over."""
        return self.over - self.commanded


@dataclass
class Measured:
    """A way, and what was seen of it so far."""

    way: Way
    images: Iterator[str]
    """Those to release, in turn: each is another than the one that runs."""
    idle: list[Release] = field(default_factory=list)
    loaded: list[Release] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)
    """Of each release under load, in seconds of the load."""
    seen: Seen = field(default_factory=Seen)
    losses: list[Loss] = field(default_factory=list)
    load_seconds: float = 0.0
    """Of the loads that are over."""
    failed: str = ""
    """Why it releases no more."""

    def row(self) -> str:
        """Of the table that `HEAD` begins."""
        lost = f"**{self.seen.lost:,}**" if self.seen.lost else "0"
        slow = f"{self.seen.slowest:.2f} s | {self.seen.within(0.99) * 1000:.0f} ms"
        took = f"{_took(self.idle)} | {_took(self.loaded)}"
        return f"| {self.way.title} | {len(self.loaded)} | {self.seen.sent:,} | {lost} | {slow} | {took} |"

    def reasons(self) -> list[str]:
        """Why requests were lost, a line for each cause, the most frequent first."""
        causes = Counter(loss.cause for loss in self.losses)
        return [f"{count:,} {cause}" for cause, count in causes.most_common()]

    def panel(self) -> Panel:
        """For the picture."""
        return Panel(self.way.title.replace("`", ""), self.seen.answered, self.seen.lost_at, self.spans)

    def missed(self, releases: int) -> list[str]:
        """The goals that it misses, in words."""
        idle, loaded = _median(self.idle), _median(self.loaded)
        goals = {
            f"{releases} releases, and there were {len(self.loaded)}": len(self.loaded) >= releases,
            f"{LOST} lost, and {self.seen.lost} were": self.seen.lost <= LOST,
            f"no request of {SLOWEST:.0f} s, and one took {self.seen.slowest:.2f} s": self.seen.slowest
            < SLOWEST,
            f"{SECONDS:.0f} s a release, and it takes {idle:.1f} s": idle <= SECONDS,
            f"{TIMES:.0f} times that under load, and it takes {loaded:.1f} s": loaded <= TIMES * idle,
        }
        return [goal for goal, there in goals.items() if not there]


def _median(releases: Sequence[Release]) -> float:
    return statistics.median(r.seconds for r in releases) if releases else float("nan")


def _took(releases: Sequence[Release]) -> str:
    if not releases:
        return "–"
    return f"{_median(releases):.1f} s ({max(release.seconds for release in releases):.1f} s)"
