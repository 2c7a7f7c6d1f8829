"""Where this machine notes what it knows of runs: the cache is carried by CI from machine to machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's state folder of this project, which need not exist."""
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "jira-plus-plus"
