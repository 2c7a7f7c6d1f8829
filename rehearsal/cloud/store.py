"""What the cloud keeps: objects by kind and id, in one SQLite file that survives `kill -9`."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal.cloud.records import Record

FIRST_ID = 10_000_001


class FolderInUseError(RuntimeError):
    """Another process serves this state folder."""


class Store:
    """Objects are JSON; a transaction commits whole or not at all; ids only ever grow.

    One lock serialises everything: the cloud answers one request at a time, so that two clients that race get
    the answers that some order of their requests explains.
    """

    def __init__(self, folder: Path) -> None:
        """Opens `folder`, which is made if need be, readable by its owner alone.

        Raises:
            FolderInUseError: another process serves it.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._claim()
        self._lock = threading.RLock()
        self._depth = 0
        self._after_commit: list[Callable[[], None]] = []
        self._db = sqlite3.connect(folder / "state.sqlite", check_same_thread=False, isolation_level=None)
        # A truncated rollback journal keeps nothing behind, and secure_delete overwrites what was removed.
        self._db.executescript(
            "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=OFF; PRAGMA secure_delete=ON;"
            "CREATE TABLE IF NOT EXISTS objects (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id));"
            "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT);"
        )

    def _claim(self) -> None:
        path = self.folder / "lock"
        self._claimed = path.open("a+")
        try:
            fcntl.flock(self._claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._claimed.seek(0)
            holder = self._claimed.read().strip() or "?"
            self._claimed.close()
            raise FolderInUseError(
                f"{self.folder}: already served by process {holder}; stop that one or choose another --state"
            ) from None
        self._claimed.truncate(0)
        self._claimed.write(str(os.getpid()))
        self._claimed.flush()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens or nothing does; an inner transaction is part of the outer one."""
        hooks: list[Callable[[], None]] = []
        with self._lock:
            outermost = self._depth == 0
            if outermost:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._db.execute("ROLLBACK")
                    self._after_commit.clear()
                raise
            else:
                if outermost:
                    self._db.execute("COMMIT")
                    hooks, self._after_commit = self._after_commit, []
            finally:
                self._depth -= 1
        for hook in hooks:
            hook()

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Calls `hook` outside the lock once the transaction is written; never if it is rolled back."""
        self._after_commit.append(hook)

    def next_id(self) -> int:
        """A number that was never given before, in this folder's whole life."""
        with self.transaction():
            value = int(self.meta("next_id") or FIRST_ID)
            self.set_meta("next_id", str(value + 1))
        return value

    def get(self, kind: str, key: int | str) -> Record | None:
        """One object, or None."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM objects WHERE kind = ? AND id = ?", (kind, str(key))
            ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> list[Record]:
        """All objects of a kind, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT body FROM objects WHERE kind = ? ORDER BY rowid", (kind,)
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def put(self, kind: str, record: Record) -> None:
        """Writes an object under its `id`, new or changed."""
        with self._lock:
            self._db.execute(
                "INSERT INTO objects VALUES (?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                (kind, str(record["id"]), json.dumps(record)),
            )

    def delete(self, kind: str, key: int | str) -> None:
        """Removes an object; one that is not there is no error."""
        with self._lock:
            self._db.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, str(key)))

    def meta(self, name: str) -> str | None:
        """A value about the whole."""
        with self._lock:
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        """Sets a value about the whole."""
        with self._lock:
            self._db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )

    def close(self) -> None:
        """Lets go of the folder."""
        with self._lock:
            self._db.close()
        self._claimed.close()
