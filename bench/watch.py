"""What becomes of the containers of one service, by Docker's events."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import docker
from docker.models.containers import Container

STEPS = {
    "create": "made",
    "start": "started",
    "health_status: healthy": "healthy",
    "kill": "told to end",
    "die": "ended",
    "destroy": "removed",
}
"""The events that matter, and how they are called here."""
PATIENCE_SECONDS = 60
"""For an event that must come."""


@dataclass(frozen=True)
class Step:
    """Something that happened to a container."""

    at: float
    """Seconds since 1970."""
    container: str
    """Its id."""
    what: str
    """One of the values of `STEPS`."""


class Watch:
    """Follows the containers that carry the labels of a stack's service, within a `with`."""

    def __init__(self, stack: str, service: str) -> None:
        self._labels = [f"jira-plus-plus.stack={stack}", f"jira-plus-plus.service={service}"]
        self._client = docker.from_env(timeout=30)
        self._steps: list[Step] = []
        self._new = threading.Condition()
        self._events = self._client.api.events(
            decode=True, filters={"type": "container", "label": self._labels}
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._thread.join(timeout=5)
        self._client.close()

    def running(self) -> list[Container]:
        """The containers that run now."""
        return list(self._client.containers.list(filters={"label": self._labels}))

    def steps(self, since: float) -> list[Step]:
        """What has happened since then, in order."""
        with self._new:
            return [step for step in self._steps if step.at >= since]

    def moment(self, container: str, what: str, since: float) -> float:
        """When that happened to it first; waits for it.

        Raises:
            TimeoutError: it did not.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        with self._new:
            while True:
                for step in self._steps:
                    if (step.container, step.what) == (container, what) and step.at >= since:
                        return step.at
                if not self._new.wait(until - time.monotonic()):
                    raise TimeoutError(f"{container[:12]} was not {what} within {PATIENCE_SECONDS} s")

    def _follow(self) -> None:
        for event in self._events:
            if step := noted(event):
                with self._new:
                    self._steps.append(step)
                    self._new.notify_all()


def noted(event: Mapping[str, Any]) -> Step | None:
    """The step that an event of Docker's is; None: it is of no interest."""
    what = STEPS.get(event["Action"])
    return Step(event["timeNano"] / 1e9, event["Actor"]["ID"], what) if what else None
