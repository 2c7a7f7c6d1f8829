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
ROLES = ("old", "new")


@dataclass(frozen=True)
class Loss:
    """A request that was lost during a release."""

    request: Request
    release: int
    container: str
    """`old` or `new`: where the proxy sent it; empty: nowhere, or it has not noted it."""
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
        where = f"sent to the {self.container} one" if self.container else "sent to none"
        noted = self.proxy.get("DownstreamStatus")
        return f"{self.request.error}, {where}, {after}{'' if noted else ', not in the log of the proxy'}"


def explained(
    lost: Iterable[Request],
    release: int,
    log: Sequence[str],
    roles: Mapping[str, str],
    addresses: Mapping[str, Iterable[str]],
    steps: Iterable[Step],
) -> list[Loss]:
    """What is known of each. `roles`: container id to one of `ROLES`; `addresses`: to where it is."""
    noted = {line["request_User-Agent"]: line for line in access(log)}
    places = {address: roles[each] for each, held in addresses.items() for address in held}
    known = [(step, roles[step.container]) for step in steps if step.container in roles]
    found = []
    for request in lost:
        line = noted.get(request.agent, {})
        address = str(line.get("ServiceAddr") or "").rpartition(":")[0]
        found.append(
            Loss(
                request,
                release,
                places.get(address, address),
                {f"{role} {step.what}": round(request.when - step.at, 3) for step, role in known},
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
