"""Which engine processes were this machine's own: a lock tells its holder's host name and process id alone.

Neither says who that is. Containers are given the same names, process ids begin anew in each, and hosted
runners are named after the image that they boot. So each engine is noted here, with the kernel and the
process namespace that its id counts in, for as long as it may hold a lock.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pulumi.automation import CommandError, PulumiCommand

from operations.state_folder import state_folder

LAUNCHER = Path(__file__).with_name("launch.sh")
SECONDS_TO_LOCK = 60.0
"""An engine takes its lock right after its start: a later lock is of another with the same id."""
KEPT_DAYS = 30
_KILLED = re.compile(r"^ code: -\d+$", re.MULTILINE)


def folder() -> Path:
    """Where the notes lie."""
    return state_folder() / "engines"


def here() -> str:
    """This machine, this boot of it, and the namespace of this process's id."""
    parts = []
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        with suppress(OSError):
            parts.append(Path(path).read_text().strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)


class NotedCommand(PulumiCommand):
    """Runs the engine as the Automation API does, with a note of the process until it has ended by itself."""

    def __init__(self, root: str | None = None) -> None:
        super().__init__(root=root)
        self._engine, self.command = self.command, str(LAUNCHER)
        self._path = [str(Path(self._engine).parent)] if root else []

    def run(
        self, args: list[str], cwd: str, additional_env: Mapping[str, str], *rest: Any, **named: Any
    ) -> Any:
        """See `PulumiCommand.run`."""
        path = os.pathsep.join([*self._path, additional_env.get("PATH") or os.environ["PATH"]])
        with noted() as note:
            environment = {**additional_env, "PATH": path, "ENGINE": self._engine, "ENGINE_NOTE": str(note)}
            return super().run(args, cwd, environment, *rest, **named)


@contextmanager
def noted() -> Iterator[Path]:
    """A note that the launcher completes; it stays if the engine within was killed, or if we are."""
    notes = folder()
    notes.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_old(notes)
    note = notes / uuid.uuid4().hex
    note.write_text(json.dumps({"here": here(), "began": time.time()}) + "\n")
    try:
        yield note
    except CommandError as error:
        if not _KILLED.search(str(error)):
            note.unlink()
        raise
    note.unlink()


def ours(pid: int, locked: datetime) -> bool:
    """Whether `pid` is, or was, an engine of this machine that took a lock at that moment."""
    for note in folder().glob("*"):
        with suppress(OSError, ValueError):
            first, *pids = note.read_text().splitlines()
            known = json.loads(first)
            # The lock's time has no fraction of a second.
            age = locked.timestamp() + 1 - known["began"]
            if known["here"] == here() and str(pid) in pids and 0 <= age <= SECONDS_TO_LOCK:
                return True
    return False


def lives(pid: int) -> bool:
    """Whether `pid` lives and is an engine; a number that was given to another program since is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip() in ("pulumi", LAUNCHER.name)
    return True


def _forget_old(notes: Path) -> None:
    for note in notes.iterdir():
        with suppress(OSError):
            if time.time() - note.stat().st_mtime > KEPT_DAYS * 86400:
                note.unlink()
