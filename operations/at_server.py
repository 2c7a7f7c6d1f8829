"""How command lines whose work goes on at a stack's server tell a failure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from operations.checks import Unwell
from operations.deployment import DeploymentFailed
from operations.engine import EngineMissing
from operations.environment import EnvironmentIncomplete
from operations.locks import Locked
from operations.orphans import ForeignResource
from operations.place import complaint
from operations.restore.job import JobFailed
from operations.stack_file import Unwritable

_TOLD = (
    *(DeploymentFailed, EngineMissing, EnvironmentIncomplete, ForeignResource, JobFailed, Locked, OSError),
    *(Unwell, Unwritable),
)
"""Whose messages are words for a human."""


def told(work: Callable[[], int], refusals: type[Exception], interrupted: str) -> int:
    """The exit code of `work`: 1 where it failed, which is told in words, and 130 where it was interrupted.

    `refusals` are its own exceptions; `interrupted` says what goes on without this command.
    """
    try:
        return work()
    except (*_TOLD, refusals) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except subprocess.SubprocessError as error:
        print(
            f"\nerror: the server cannot be asked: {complaint(error)}; see docs/runbook.md, Nobody gets in",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"\ninterrupted; {interrupted}")
        return 130
