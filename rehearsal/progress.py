"""The engine's own progress, as a rehearsal shows it."""

from __future__ import annotations

import re
from collections.abc import Callable

from operations.journal import AMBIENT

Say = Callable[[str], None]

HEADING = re.compile(r"Diagnostics:|  \S+ \(.*\):")
"""Of what was said about a resource, which follows indented by four."""
WARNINGS = re.compile(r",?\s+\d+ warnings?$")
"""Their number, in the line of a resource: it counts those that are left out here; the others are shown."""
NOT_OURS = re.compile(r"The resources in the stack have been deleted|If you want to remove the stack")
"""What to do by hand after a destroy; a rehearsal does it."""


class Progress:
    """Passes on line by line, less what the runner says in a line of its own or its table shows."""

    def __init__(self, show: Say) -> None:
        self._show = show
        self._headings: list[str] = []

    def line(self, line: str) -> None:
        """Takes one line of the engine."""
        if AMBIENT.search(line) or NOT_OURS.match(line):
            return
        if HEADING.fullmatch(line):
            self._headings.append(line)
            return
        if self._headings:
            if not line.strip():
                return
            for heading in self._headings if line.startswith("    ") else [""]:
                self._show(heading)
            self._headings.clear()
        self._show(WARNINGS.sub("", line))
