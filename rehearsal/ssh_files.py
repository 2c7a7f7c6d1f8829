"""The ssh files that the program wrote for a rehearsed stack, which are of no use once it is gone."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from pathlib import Path

_FOLDER = re.compile(r"IdentityFile=~/(\.ssh/jira-plus-plus/[0-9a-f]{12})/")


def forget(state: Path) -> None:
    """Removes those of the stack whose rehearsal is in `state`: its outputs, and those before, name them."""
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)  # ssh's `~`, whatever HOME says
    found = {
        folder
        for path in (state / "backend" / ".pulumi" / "history").rglob("*.checkpoint.json")
        for folder in _FOLDER.findall(path.read_text())
    }
    for folder in found:
        shutil.rmtree(home / folder, ignore_errors=True)
