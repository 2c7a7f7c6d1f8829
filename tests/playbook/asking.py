"""Questions that are asked again and again while something is done to the stack, and what became of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PAUSE_SECONDS = 0.05
END_SECONDS = 20
"""For the last answer."""


@dataclass
class Asked:
    """A question that is asked again and again."""

    answers: list[tuple[float, float, bool]] = field(default_factory=list)
    """When it was asked and answered, and whether well."""
    errors: list[str] = field(default_factory=list)
    """Of those that were not answered well: what came instead."""

    @property
    def gap(self) -> float:
        """The longest time from a question without an answer to the next answer, in seconds."""
        longest, since = 0.0, None
        for asked, answered, well in self.answers:
            if not well:
                since = asked if since is None else since
            elif since is not None:
                longest, since = max(longest, answered - since), None
        return max(longest, self.answers[-1][1] - since) if since is not None else longest

    @property
    def slowest(self) -> float:
        """Of those that were answered well, in seconds."""
        return max((answered - asked for asked, answered, well in self.answers if well), default=0.0)

    @property
    def lost(self) -> int:
        """How many were not."""
        return sum(not well for _, _, well in self.answers)


@contextmanager
def asking(question: Callable[[], object], pause: float = PAUSE_SECONDS) -> Iterator[Asked]:
    """Asks until the block ends, with a pause in seconds; an exception is an answer that is none."""
    found, over = Asked(), threading.Event()

    def ask() -> None:
        while not over.is_set():
            began = time.monotonic()
            error = ""
            try:
                question()
            except Exception as failure:  # whatever it was, there was no answer
                error = f"{type(failure).__name__}: {failure}"
                found.errors.append(error)
            found.answers.append((began, time.monotonic(), not error))
            over.wait(pause)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join(timeout=END_SECONDS)
