"""Moments at which an engine is killed: by what it asked of the clouds, what it said, what Docker did."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from operations.journal import Journal
from tests.engine.lab import Lab, kill_engines

DEADLINE_SECONDS = 90

Reached = Callable[[], bool]


@dataclass(frozen=True)
class Request:
    """A request to a cloud has come; with `effect`, it has also been carried out, but not answered."""

    method: str
    path: str
    """A regular expression for the end of the path."""
    effect: bool = True

    @contextmanager
    def watch(self, lab: Lab) -> Iterator[Reached]:
        with lab.holding(self.method, self.path, effect=self.effect) as held:
            yield held.arrived.is_set


@dataclass(frozen=True)
class Docker:
    """Something has happened to a container or a volume, whose name begins so."""

    prefix: str
    event: str
    faults: dict[str, Any] = field(default_factory=dict)
    """Of `rehearsal/plugins/docker/faults.py`, until then: with them, what comes next is still waited for."""

    @contextmanager
    def watch(self, lab: Lab) -> Iterator[Reached]:
        since = len(lab.docker_events())
        (lab.state / "docker").mkdir(exist_ok=True)
        lab.docker_faults(**self.faults)
        yield lambda: any(
            event["event"] == self.event and event["name"].startswith(self.prefix)
            for event in lab.docker_events()[since:]
        )
        lab.docker_faults()


@dataclass(frozen=True)
class Step:
    """The engine has begun (`pre`) or ended an operation on the resource of this name."""

    op: str
    name: str
    ended: bool = False

    @contextmanager
    def watch(self, lab: Lab | None = None) -> Iterator[Reached]:
        seen = threading.Event()
        record = Journal.record

        def listen(journal: Journal, event: Any) -> None:
            happened = event.res_outputs_event if self.ended else event.resource_pre_event
            if happened is not None:
                meta = happened.metadata
                op = str(getattr(meta.op, "value", meta.op))
                if (op, meta.urn.rsplit("::", 1)[-1]) == (self.op, self.name):
                    seen.set()
            record(journal, event)

        Journal.record = listen  # type: ignore[method-assign]
        try:
            yield seen.is_set
        finally:
            Journal.record = record  # type: ignore[method-assign]


Moment = Request | Docker | Step


@dataclass
class Kill:
    """Kills the engine, and the plugins with it, once a moment is reached; tells whether it was."""

    lab: Lab
    reached: bool = field(default=False)

    @contextmanager
    def at(self, moment: Moment) -> Iterator[None]:
        over = threading.Event()
        with moment.watch(self.lab) as reached:
            watcher = threading.Thread(target=self._wait, args=(reached, over), daemon=True)
            watcher.start()
            try:
                yield
            finally:
                over.set()
                watcher.join()

    def _wait(self, reached: Reached, over: threading.Event) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not over.is_set() and time.monotonic() < deadline:
            if reached():
                self.reached = True
                kill_engines()
                self.lab.kill_plugins()
                return
            over.wait(0.002)
