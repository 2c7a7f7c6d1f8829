"""Commands that are only recorded: where servers and containers do not run, nothing could be run on them."""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
import os
import threading
from pathlib import Path

from rehearsal.plugins.docker.faults import Faults
from rehearsal.plugins.provider import ProviderError, call, log

_said = threading.Event()


def on() -> bool:
    """Whether commands are to be recorded and not run."""
    return os.environ.get("REHEARSAL_DOCKER") == "record"


def record(operation: str, command: str, host: str, stdin: str | None) -> None:
    """Append one line to `commands.jsonl` in the rehearsal's state; of stdin, only its checksum.

    Raises:
        ProviderError: the command is to fail (`rehearsal/plugins/docker/faults.py`).
    """
    state = os.environ.get("REHEARSAL_STATE")
    if not state:
        raise ProviderError(
            "REHEARSAL_DOCKER=record needs REHEARSAL_STATE, the folder of the rehearsal's state: set it"
        )
    path = Path(state) / "commands.jsonl"
    if not _said.is_set():
        _said.set()
        log(f"command: nothing runs, commands are only recorded in {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
        "resource": call().name,
        "operation": operation,
        "host": host,
        "command": command,
        "stdin_sha256": hashlib.sha256(stdin.encode()).hexdigest() if stdin else None,
    }
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(line) + "\n")
    said = dict(Faults.read(Path(state) / "docker").failing_commands).get(call().name)
    if said is not None and operation != "delete":
        raise ProviderError(f"exit status 1: running {json.dumps(command)}:\n{said}")
