"""The whole of what a stack's machine has told, and what of it is red."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from operations.checks.certificates import Shown
from operations.checks.containers import Containers
from operations.checks.finding import Finding
from operations.last_copy import CONTAINER, backup_of
from operations.releases import references
from operations.status.alerts import Alerts
from operations.status.backups import Backups, Kept
from operations.status.machine import Machine
from operations.status.moments import of_epoch
from operations.status.services import Service, Services, digests
from operations.summary import outputs


@dataclass(frozen=True)
class Report:
    """What is known of a stack at a moment."""

    stack: str
    at: datetime
    findings: tuple[Finding, ...]
    """What is red, each with what to do."""
    services: tuple[Service, ...]
    backups: tuple[Kept, ...]
    certificates: tuple[Shown, ...]
    machine: Machine
    alerts: Alerts

    @property
    def well(self) -> bool:
        """Whether nothing is red."""
        return not self.findings

    def document(self) -> dict[str, Any]:
        """As JSON has it: moments in ISO 8601, days of a certificate and ages beside them."""
        backups = [
            {
                **asdict(one),
                "last": one.last and one.last.isoformat(),
                "due": one.due and one.due.isoformat(),
                "age_hours": one.last and round((self.at - one.last).total_seconds() / 3600, 1),
                "overdue": one.overdue(self.at),
            }
            for one in self.backups
        ]
        return {
            **asdict(self),
            "at": self.at.isoformat(),
            "well": self.well,
            "reachable": True,
            "backups": backups,
        }


def report(
    stack: str,
    resources: Sequence[Mapping[str, Any]],
    printed: str,
    moment: float,
    certificates: Sequence[tuple[Shown, Finding | None]],
    unfinished: str = "",
) -> Report:
    """Of what `status.sh` has printed at `moment`, in seconds of the epoch of this machine's clock.

    `unfinished` says in words what the last run did not come to an end with.
    """
    parts = _parts(printed)
    given, at = outputs(resources), of_epoch(moment)
    inspected = json.loads(parts.get("docker", "").strip() or "[]")
    memory = dict(line.split() for line in parts.get("memory", "").splitlines())
    wanted = wanted_of(resources)
    services = Services(
        inspected,
        digests(parts.get("images", "")),
        {name: int(used) for name, used in memory.items()},
        given,
        wanted,
        tuple(references(resources).values()),
    )
    silent = "silent" in parts
    # By the machine's own clock, which its notes were made by.
    machine = Machine.of(parts.get("machine", ""), parts.get("disks", ""), moment)
    there = of_epoch(moment + (machine.clock_ahead_seconds or 0))
    backups = Backups(parts.get("notes", ""), backup_of(resources)[1], there)
    alerts = Alerts.of(parts.get("alerts"))

    def findings() -> Iterator[Finding]:
        if unfinished:
            yield Finding(stack, unfinished, f"`make deploy STACK={stack}` goes on from there")
        if silent:
            yield Finding(
                "Docker",
                "does not answer",
                "`systemctl status docker` says why (docs/runbook.md, Docker is away)",
            )
        else:
            yield from Containers(stack, wanted).judged(inspected)
            yield from services.findings(stack, there)
        yield from machine.findings()
        yield from (finding for _, finding in certificates if finding)
        yield from alerts.findings(stack)

    found = list(findings())
    # The container of the backups judges the same, and tells it in its health check's words.
    if not any(one.name == wanted.get("backup") and "is unhealthy" in one.state for one in found):
        found += backups.findings(stack)
    return Report(
        stack,
        at,
        tuple(found),
        () if silent else tuple(services.all),
        tuple(backups.all),
        tuple(shown for shown, _ in certificates),
        machine,
        alerts,
    )


def wanted_of(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The name in Docker of each service's container; of a stack half deployed, of what it has."""
    if named := outputs(resources).get("containers"):
        return dict(named)
    return {
        str(one["urn"]).rsplit("::", 1)[-1]: str(one["outputs"]["name"])
        for one in resources
        if one["type"] == CONTAINER and not one.get("delete") and (one.get("outputs") or {}).get("name")
    }


def _parts(printed: str) -> dict[str, str]:
    """What stands below each line `== NAME`."""
    parts: dict[str, list[str]] = {}
    below: list[str] = []
    for line in printed.splitlines():
        if line.startswith("== "):
            below = parts.setdefault(line.removeprefix("== "), [])
        else:
            below.append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}
