"""Where a stack keeps what it has, on a server and on this machine. Every command line reads it."""

import os
from pathlib import Path

DATA = {"hetzner": "/mnt/data", "existing": "/srv/jira/data"}
"""Of a server, by `host.kind`: the mountpoint of its volume, or a folder."""
BACKUPS = "/srv/jira/backups"
"""Of a server."""


def files_root(stack: str) -> Path:
    """The folder for the files that are mounted into containers; in the home, which Docker Desktop shares."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "jira-plus-plus" / stack
