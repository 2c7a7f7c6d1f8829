"""Where official plugins are, if anywhere: in the folder JIRA_OFFICIAL_PLUGINS, or on PATH."""

from __future__ import annotations

import os
import shutil
import sys


def official(name: str) -> list[str]:
    """The command of the official plugin; nothing where there is none."""
    path = os.pathsep.join(filter(None, (os.environ.get("JIRA_OFFICIAL_PLUGINS"), os.environ.get("PATH"))))
    found = shutil.which(f"pulumi-resource-{name}", path=path)
    return [found] if found else []


def plugins(name: str) -> dict[str, list[str]]:
    """The commands of the plugins that there are by this name: the stand-in always, the official one if it is
    to be had."""
    known = {"stand-in": [sys.executable, "-m", "rehearsal.plugins", name], "official": official(name)}
    return {kind: command for kind, command in known.items() if command}
