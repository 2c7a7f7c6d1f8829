"""What a run of the playbook saw: one entry for each line of the checklist, in its order."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Outcome = Literal["passed", "failed", "not run"]

#: The checklist of the deployment plan, section 7: phase, then what is to be shown.
CHECKLIST: dict[str, list[str]] = {
    "Smoke": [
        "Every container runs and is healthy",
        "/health and /ready pass",
        "The page loads in a browser",
    ],
    "Functional": [
        "Login",
        "Issues are created, read, changed and deleted",
        "A Temporal workflow completes",
        "Temporal's UI asks for its password",
        "The metrics ask for their password",
        "The logs show the request",
    ],
    "Performance": ["20 to 30 users at once", "CPU and memory of each container under load"],
    "Recovery": [
        "A killed container returns",
        "A hanging container is restarted",
        "A container that runs out of memory returns",
        "A running workflow survives Temporal's death",
        "A reboot of the machine",
        "A replaced server",
        "The data is the same after all of it",
    ],
    "Security": [
        "Only 80 and 443 answer from outside",
        "The operator's paths are not published",
        "Guesses at a password slow nobody down",
        "Each container reaches what is declared, and nothing else",
    ],
    "Upgrade": [
        "Migrations run again and change nothing",
        "A new release migrates once, and the data are the same",
        "No request is lost during a release",
        "A workflow from before completes on the new worker",
        "Workflow histories replay with the worker's code",
        "The release before serves again, with the data",
    ],
    "Observability": [
        "Logs are structured and found",
        "Metrics are scraped",
        "A captured error is found",
        "All are asked for their metrics, and the rules are evaluated",
        "Every panel of every page has data",
        "The pages under load",
        "Grafana has the same pages",
    ],
}


@dataclass
class Table:
    """Rows under a head, as text."""

    head: list[str]
    rows: list[list[str]]


@dataclass
class Chart:
    """Lines over time: seconds on x, a named unit on y."""

    title: str
    unit: str
    series: dict[str, list[tuple[float, float]]]


@dataclass
class Picture:
    """What a browser showed: a file beside the report."""

    title: str
    file: str


@dataclass
class Entry:
    """One line of the checklist and what backs it."""

    phase: str
    item: str
    outcome: Outcome = "not run"
    seconds: float = 0.0
    facts: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    failure: str = ""

    def say(self, fact: str) -> None:
        """Adds a sentence of evidence."""
        self.facts.append(fact)

    def table(self, head: list[str], rows: list[list[Any]]) -> None:
        """Adds a table of evidence; cells become text."""
        self.tables.append(Table(head, [[str(cell) for cell in row] for row in rows]))

    def chart(self, title: str, unit: str, series: dict[str, list[tuple[float, float]]]) -> None:
        """Adds a chart of evidence."""
        self.charts.append(Chart(title, unit, series))

    def picture(self, title: str, file: Path) -> None:
        """Adds what a browser showed; the file is in the report's folder."""
        self.pictures.append(Picture(title, file.name))


class Evidence:
    """All entries of a run."""

    def __init__(self, stack: str, images: Mapping[str, str] | None = None) -> None:
        """`images`: what the stack runs, as its output `last_good` has it."""
        self.stack, self.images = stack, dict(images or {})
        self.started = time.time()
        self.entries = {
            (phase, item): Entry(phase, item) for phase, items in CHECKLIST.items() for item in items
        }

    def entry(self, phase: str, item: str) -> Entry:
        """The entry of a line of the checklist; a `KeyError` tells of a line that is not in it."""
        return self.entries[phase, item]

    def save(self, path: Path) -> None:
        """Writes everything as JSON, for a later comparison."""
        document = {
            "stack": self.stack,
            "images": self.images,
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "started": self.started,
            "entries": [asdict(e) for e in self.entries.values()],
        }
        path.write_text(json.dumps(document, indent=1))
