"""Work done beside other work: as soon as what it needs is there, and one thing at a time in each lane."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Part:
    """One piece of work."""

    name: str
    lane: str
    """Parts of one lane run one after another: those whose needs are met first, then in the order given."""
    work: Callable[[], object]
    needs: frozenset[str] = frozenset()
    """Names of parts that must have ended before; those that are not among the parts are there already."""


class Beside(Generic[Result]):
    """`work`, begun at once in a thread that ends with the process: nobody who interrupts waits for it."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self.future: Future[Result] = Future()
        self._work = work
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.future.set_result(self._work())
        except BaseException as error:
            self.future.set_exception(error)


def run(parts: Sequence[Part]) -> None:
    """Does all parts; their needs have no circle.

    Raises:
        Whatever the first part that failed raised, as soon as those have ended that had begun.
    """
    waiting = list(parts)
    unfinished = {part.name for part in parts}
    running: dict[Future[object], Part] = {}
    failed: BaseException | None = None
    while running or (waiting and failed is None):
        if failed is None:
            for part in _startable(waiting, unfinished, {part.lane for part in running.values()}):
                waiting.remove(part)
                running[Beside(part.work).future] = part
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            unfinished.remove(running.pop(future).name)
            failed = failed or future.exception()
    if failed is not None:
        raise failed


def _startable(waiting: Sequence[Part], unfinished: set[str], busy: set[str]) -> list[Part]:
    """The first of each free lane whose needs are met."""
    chosen: dict[str, Part] = {}
    for part in waiting:
        if part.lane not in busy and not part.needs & unfinished:
            chosen.setdefault(part.lane, part)
    return list(chosen.values())
