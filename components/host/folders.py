"""Where a stack keeps its files on this machine."""

import os
from pathlib import Path


def files_root(stack: str) -> Path:
    """The folder for the files that are mounted into containers; in the home, which Docker Desktop shares."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "jira-plus-plus" / stack
