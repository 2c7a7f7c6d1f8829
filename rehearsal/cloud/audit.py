"""The log of requests, one JSON object a line: what was asked, never a secret."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from rehearsal.cloud.records import Record

SECRET_KEYS = frozenset({"user_data", "private_key", "root_password", "password", "secret", "token"})
REDACTED = "[secret]"


class Audit:
    """`requests.jsonl` in the state folder: method `m`, path with query `p`, `body`, `status`.

    `status` is null where the connection was dropped on purpose. Headers, so the token, are never written.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` exists."""
        self.path = folder / "requests.jsonl"
        self._lock = threading.Lock()

    def write(self, method: str, path: str, body: Any, status: int | None) -> None:
        """Adds one line; a line is one write, so that a killed process leaves no half of it."""
        line = json.dumps({"m": method, "p": path, "body": redact(body), "status": status}) + "\n"
        with self._lock:
            log = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(log, line.encode())
            finally:
                os.close(log)

    def read(self) -> list[Record]:
        """All lines, oldest first."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def clear(self) -> None:
        """Starts over."""
        with self._lock:
            self.path.unlink(missing_ok=True)


def redact(value: Any) -> Any:
    """A copy in which the value of every key that names a secret is replaced."""
    if isinstance(value, dict):
        return {key: REDACTED if key in SECRET_KEYS else redact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redact(item) for item in value]
    return value
