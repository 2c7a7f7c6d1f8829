"""What a page is made of: rows of panels, each with its queries in MetricsQL, for whatever shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COLUMNS = 12
"""Of a row."""


@dataclass(frozen=True)
class Unit:
    """What a number counts: by Grafana's name for it, and as it is written behind a number."""

    grafana: str
    shown: str = ""


# https://github.com/grafana/grafana/blob/v12.4.12/packages/grafana-data/src/valueFormats/categories.ts
NUMBER = Unit("short")
BYTES = Unit("bytes", "B")
BYTES_A_SECOND = Unit("binBps", "B/s")
SECONDS = Unit("s", "s")
HOURS = Unit("h", "h")
DAYS = Unit("d", "days")
PERCENT = Unit("percent", "%")
REQUESTS_A_SECOND = Unit("reqps", "/s")
A_SECOND = Unit("ops", "/s")
CORES = Unit("suffix: cores", "cores")


@dataclass(frozen=True)
class Query:
    """An expression in MetricsQL, and what its series are called: labels as `{{name}}`, no spaces in them."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Limits:
    """From where on it is worth a look (`warn`) and bad; `below`: what is less than these is so."""

    bad: float
    warn: float | None = None
    below: bool = False


@dataclass(frozen=True)
class Panel:
    """A chart of some queries, or with `now` their last values."""

    title: str
    queries: tuple[Query, ...]
    unit: Unit = NUMBER
    about: str = ""
    """What to think of it: one sentence for who sees it first."""
    limits: Limits | None = None
    now: bool = False
    after: str = ""
    """A comparison in MetricsQL: until it holds there is nothing to show."""


@dataclass(frozen=True)
class Row:
    """Panels under one heading, at most `across` (a divisor of twelve) beside each other."""

    title: str
    panels: tuple[Panel, ...]
    across: int = 3

    @property
    def lines(self) -> tuple[tuple[tuple[Panel, int], ...], ...]:
        """The panels that are beside each other, each with its width in columns; a line is always full."""
        found = (
            self.panels[start : start + self.across] for start in range(0, len(self.panels), self.across)
        )
        return tuple(tuple((panel, COLUMNS // len(line)) for panel in line) for line in found)


@dataclass(frozen=True)
class Page:
    """Rows of one subject; `name` is in its file's name and its address."""

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    """A row without any panel is none."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Those of all rows, in order."""
        return tuple(panel for row in self.rows for panel in row.panels)


@dataclass(frozen=True)
class There:
    """What the stack has, and so can be asked for."""

    machine: bool = True
    """Facts of the machine and its containers (`host-metrics.sh`): not on a developer's."""
    tls: bool = True
    copies: bool = True
    """Dumps that leave the machine."""
    archive: bool = True
    """The database's log, likewise."""
    logs: bool = True
    """A store of logs."""

    @property
    def drills(self) -> bool:
        """Whether what has left is restored on trial."""
        return self.copies or self.archive


def or_none(expr: str, label: str) -> str:
    """The same, with a line at nought where it has no series: an empty panel is what a broken query has."""
    return f'{expr} or label_set(vector(0), "{label}", "none")'


def compact(content: Mapping[str, Any]) -> str:
    """JSON, which is YAML, in one line: the state holds each file twice, and is written at each step."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n"
