"""What command lines share whose work goes on at a stack's server: the stack, and how a failure is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from operations.checks import Unwell
from operations.deployment import Deployment, DeploymentFailed
from operations.engine import EngineMissing, engine
from operations.environment import EnvironmentIncomplete, complete_environment, read_env_file
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


def deployed(root: Path, stack: str, *, among_others: bool = False) -> Deployment:
    """The stack of the checkout `root`, with what is exported or in its `.env` file.

    `among_others` says that the run has to do with other stacks, too: what is exported may be theirs, and the
    stack's own file goes before it.

    Raises:
        EnvironmentIncomplete: something that must be exported is not.
        EngineMissing: there is none, and none can be had.
    """
    own = read_env_file(root / f".env.{stack}") if among_others else {}
    environment = complete_environment(root, stack, {**os.environ, **own})
    return Deployment(project=root, stack=stack, binary=engine(), environment=environment)


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
