"""A check of Healthchecks, the dead man's switch: it tells when it is not called for a while.

https://healthchecks.io/docs/http_api/: HEAD, GET and POST of `/<uuid>`; 200 `OK`, also for none.
"""

from __future__ import annotations

import re
import time
from typing import Literal

from rehearsal.receivers.door import Answer, Door, Request

UUID = "5a1f0e9c-0000-4000-8000-7265686572e4"
_PATH = re.compile(r"/(?P<uuid>[0-9a-f-]{36})(?P<signal>/start|/fail|/log|/\d{1,3})?")


class Healthchecks(Door):
    """The check; `calls` are the moments at which it was called, in Unix seconds."""

    def __init__(
        self,
        address: str = "127.0.0.1",
        port: int = 0,
        name: str = "",
        period: float = 300,
        grace: float = 600,
    ) -> None:
        super().__init__(address, port, name)
        self.period, self.grace = period, grace
        self.calls: list[float] = []

    @property
    def ping(self) -> str:
        """The URL that a stack is given."""
        return f"{self.url}/{UUID}"

    def state(self, now: float | None = None) -> Literal["new", "up", "grace", "down"]:
        """What the check's page says."""
        if not self.calls:
            return "new"
        silent = (time.time() if now is None else now) - self.calls[-1]
        return "up" if silent <= self.period else "grace" if silent <= self.period + self.grace else "down"

    def answer(self, request: Request) -> Answer:
        """What it answers; a call is noted."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            return Answer(400, "invalid url format")
        if request.method not in ("HEAD", "GET", "POST"):
            return Answer(405, "")
        if found["uuid"] != UUID:
            return Answer(200, "OK (not found)")
        if found["signal"] is None:
            with self.lock:
                self.calls.append(time.time())
        return Answer(200, "OK")
