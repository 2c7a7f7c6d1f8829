"""A lock in the way: lifted where its holder is known to be gone, else told with its holder."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pulumi.automation import Stack

from operations import engines, github

Say = Callable[[str], None]

# pkg/backend/diy/lock.go: what the lock's file holds, and its URL before it.
_OWNER = re.compile(
    r"(?P<url>\S+): created by (?P<user>.*?)@(?P<host>.*?) \(pid (?P<pid>\d+)\) at (?P<time>\S+)"
)


class Locked(Exception):
    """Another run holds the stack's lock, or may hold it and only a person can know."""


def lift_lock(
    stack: Stack, stderr: str, say: Say = print, environment: Mapping[str, str] = os.environ
) -> None:
    """Lifts the locks that `stderr` of a refused command names, if each holder is known to be gone.

    Known is: an engine that was started on this very machine and is no process any more, and a run of
    GitHub's that has ended. An equal host name with an unknown process id is not: see `operations.engines`.

    Raises:
        Locked: one of them lives, or nobody can know but a person.
    """
    owners = list(_OWNER.finditer(stderr))
    if not owners:
        raise Locked(f"stack {stack.name} is locked by another run: {stderr.strip()}")
    for owner in owners:
        _require_gone(stack.name, owner, environment)
    holders = ", ".join(f"{owner['host']}, pid {owner['pid']}" for owner in owners)
    say(f"lifting the lock of a run that is gone ({holders})")
    files = [_file(owner["url"]) for owner in owners]
    if None in files:
        stack.cancel()
    for file in filter(None, files):
        # Exactly these: `pulumi cancel` takes away also what another run has locked since.
        file.unlink(missing_ok=True)


def _file(url: str) -> Path | None:
    """The lock's file on this machine; None where it is elsewhere, or below a `~` that the engine expands."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" and not parts.netloc else None


def _require_gone(stack: str, owner: re.Match[str], environment: Mapping[str, str]) -> None:
    host, pid, since = owner["host"], int(owner["pid"]), owner["time"]
    held = f"stack {stack} is locked since {since} by {owner['user']}@{host} (pid {pid})"
    remedy = f"if that run is over for certain: pulumi cancel --stack {stack}"
    if host == socket.gethostname() and engines.ours(pid, datetime.fromisoformat(since)):
        if engines.lives(pid):
            raise Locked(
                f"stack {stack} is in use since {since} by process {pid} of {owner['user']}; wait for it"
            )
        return
    try:
        if github.is_over(host, environment):
            return
    except github.Unanswered as reason:
        raise Locked(f"{held}, and GitHub was not to be asked about that run: {reason}; {remedy}") from None
    if github.MACHINE.fullmatch(host):
        raise Locked(f"{held}, a run of GitHub's that is still going; wait for it")
    if host == socket.gethostname():
        held += ", of this machine's name, but no process that it knows of: both repeat in containers"
    raise Locked(f"{held}; {remedy}")
