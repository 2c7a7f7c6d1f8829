"""What must hold of a stack that is up, asked of its containers and names: after each deploy, and nightly.

A deploy whose resources are all as declared can leave a stack that serves nobody: a container that has become
unhealthy since, an authority that gave no certificate, a backup that fails every night.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from operations.checks.certificates import ACME_PATIENCE_SECONDS, Certificates
from operations.checks.containers import Containers
from operations.checks.finding import Finding
from operations.journal import Journal
from operations.place import Place, complaint
from operations.summary import outputs

PATIENCE_SECONDS = 60.0
"""For what is not well yet: a container that starts, a proxy that reads its certificates anew."""
PAUSE_SECONDS = 3.0


class Unwell(Exception):
    """A stack that is up does not serve as it should; the message has a line for each finding."""

    journal: Journal | None = None
    """Of the run that it was found after, where a report tells both."""

    def __init__(self, stack: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        lines = [f"{stack} is deployed, but not well:", *(f"  {finding}" for finding in findings)]
        super().__init__("\n".join(lines))


def verify(
    stack: str,
    resources: Sequence[Mapping[str, Any]],
    environment: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Waits until all is well.

    Args:
        stack: its name.
        resources: of its state, as the engine exports them.
        environment: of its deployment; with `REHEARSAL_DOCKER=record` there is nothing to look at.
        sleep: takes seconds.

    Raises:
        Unwell: something is not, after a minute, or three where an authority issues the certificates.
    """
    given = outputs(resources)
    if environment.get("REHEARSAL_DOCKER") == "record" or "containers" not in given:
        return
    place = Place.of(given)
    containers = Containers(stack, given["containers"])
    certificates = Certificates(stack, given["urls"], resources)
    end = time.monotonic() + (ACME_PATIENCE_SECONDS if certificates.from_an_authority else PATIENCE_SECONDS)
    while findings := _findings(place, containers, certificates):
        if time.monotonic() > end:
            raise Unwell(stack, findings)
        sleep(PAUSE_SECONDS)


def _findings(place: Place, containers: Containers, certificates: Certificates) -> list[Finding]:
    try:
        return [*containers.findings(place), *certificates.findings(place)]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return [
            Finding(place.name, f"cannot be asked: {complaint(error)}", "see docs/runbook.md, Nobody gets in")
        ]
