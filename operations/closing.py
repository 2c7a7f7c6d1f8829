"""A run that is timed, and its end: what it came to is shown, and it is looked whether all is well."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from operations import summary
from operations.checks import verify
from operations.deployment import Deployment
from operations.journal import Journal
from operations.notices import Outcome


def timed(step: str, run: Callable[[], Journal], outcome: Outcome) -> summary.Timing:
    """Runs it, and tells the `outcome` its journal."""
    started = time.monotonic()
    outcome.journal = journal = run()
    return summary.Timing(step, time.monotonic() - started, journal.changes)


def close(
    deployment: Deployment, timings: Sequence[summary.Timing], say: Callable[[str], None] = print
) -> Sequence[Mapping[str, Any]]:
    """Shows the stack, and looks at it; its resources.

    Raises:
        Unwell: it is deployed, and not well.
    """
    resources = deployment.resources()
    say("\n" + summary.table(deployment.stack, resources, timings))
    with deployment.way_in():
        verify(deployment.stack, resources, deployment.environment)
    return resources
