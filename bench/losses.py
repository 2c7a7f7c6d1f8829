"""Why a request was lost: what the proxy noted of it, which container it was for, what happened around it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.traffic import Request
from bench.watch import Step

NOTED = ("DownstreamStatus", "OriginStatus", "Duration", "OriginDuration", "RetryAttempts", "ServiceAddr")
"""Of a line of Traefik's access log: https://doc.traefik.io/traefik/v3.7/reference/install-configuration/observability/logs-and-accesslogs/"""


@dataclass(frozen=True)
class Turn:
    """A release, and the containers that it was from and to, by their ids."""

    number: int
    commanded: float
    """Seconds since 1970."""
    old: str
    new: str
    """Empty where the release failed."""

    def role(self, container: str) -> str:
        """What it was in this release."""
        return {self.old: "old", self.new: "new"}.get(container, "one before")


@dataclass(frozen=True)
class Loss:
    """A request that was lost during a release."""

    request: Request
    release: int
    """Its number; 0: there was none yet."""
    container: str
    """Where the proxy sent it, by its role; else the address; empty: nowhere, or it has not noted it."""
    around: Mapping[str, float]
    """By step of a container (`old told to end`): seconds from it until the loss; negative: it came later."""
    proxy: Mapping[str, Any]
    """What the proxy noted of it; empty: nothing."""

    def entry(self) -> dict[str, Any]:
        """As it is written to a file."""
        return {
            "release": self.release,
            "request": self.request.agent,
            "sent": self.request.sent,
            "seconds": self.request.seconds,
            "status": self.request.status,
            "error": self.request.error,
            "container": self.container,
            "around": dict(self.around),
            "proxy": dict(self.proxy),
        }

    @property
    def cause(self) -> str:
        """In one line, the same for what was lost alike."""
        passed = [(seconds, step) for step, seconds in self.around.items() if seconds >= 0]
        after = f"after: {min(passed)[1]}" if passed else "before the first step"
        where = f"sent to: {self.container}" if self.container else "sent to none"
        noted = self.proxy.get("DownstreamStatus")
        return f"{self.request.error}, {where}, {after}{'' if noted else ', not in the log of the proxy'}"


def explained(
    lost: Iterable[Request],
    log: Iterable[str],
    turns: Sequence[Turn],
    steps: Sequence[Step],
    addresses: Mapping[str, Iterable[str]],
) -> list[Loss]:
    """What is known of each, by the proxy's log and the releases under the load so far.

    `addresses`: where each container was. Docker gives an address to the next one once it is free.
    """
    noted = {line["request_User-Agent"]: line for line in access(log)}
    made = {step.container: step.at for step in reversed(steps) if step.what == "made"}
    found = []
    for request in lost:
        # One may be told of late: it counts for the release that had begun when it was sent.
        turn = ([t for t in turns if t.commanded <= request.when] or list(turns))[-1:]
        line = noted.get(request.agent, {})
        address = str(line.get("ServiceAddr") or "").rpartition(":")[0]
        there = [c for c, held in addresses.items() if address in held and made.get(c, 0) <= request.when]
        container = max(there, key=lambda c: made.get(c, 0), default="")
        around = {
            f"{one.role(step.container)} {step.what}": round(request.when - step.at, 3)
            for one in turn
            for step in steps
            if step.at >= one.commanded
        }
        found.append(
            Loss(
                request,
                turn[0].number if turn else 0,
                turn[0].role(container) if turn and container else address,
                around,
                {name: line[name] for name in NOTED if name in line},
            )
        )
    return found


def access(log: Iterable[str]) -> Iterable[dict[str, Any]]:
    """Those lines of a proxy's log that tell of a request of ours."""
    for text in log:
        if '"bench/' in text:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if "request_User-Agent" in line:
                yield line
