"""The stack that a command line means."""

from __future__ import annotations

import os
from pathlib import Path

from operations.deployment import Deployment
from operations.engine import engine
from operations.environment import complete_environment, read_env_file


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
