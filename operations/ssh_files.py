"""The ssh files that the program wrote for a stack, which are of no use once it is gone."""

from __future__ import annotations

import re
import shutil

from components.host.keys import ssh_folder, ssh_home

_FOLDER = re.compile(r"~/\.ssh/jira-plus-plus/[0-9a-f]{12}\b")
_PUBLIC_KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/]+=*")


def folders(state: str) -> set[str]:
    """Where the files may be that belong to the stack of `state`, the text of its resources.

    A key is in the state before the program sees it; the folder that the program names for it comes a moment
    later, and the files may be written before that.
    """
    return {*_FOLDER.findall(state), *map(ssh_folder, _PUBLIC_KEY.findall(state))}


def forget(state: str) -> None:
    """Removes those of the stack whose resources `state` is."""
    for folder in folders(state):
        shutil.rmtree(ssh_home() / folder.removeprefix("~/"), ignore_errors=True)
