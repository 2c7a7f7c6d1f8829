"""The storage elsewhere of a rehearsal: it starts when asked for, and ends with the cloud."""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.s3 import S3Server


class Buckets:
    """An S3 server that keeps what it holds below `folder`, also while it does not run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: S3Server | None = None
        self._lock = threading.Lock()

    def start(self, bucket: str) -> S3Server:
        """The server, which has this bucket.

        Raises:
            ImageError: its image is not there, or it does not answer.
            MachineError: Docker made no network for it.
            OSError: its port is taken.
        """
        from rehearsal.s3 import S3Server
        from rehearsal.storage import Storage

        with self._lock:
            if self._server is None:
                self._server = S3Server((bucket,), Storage.of(self._folder)).__enter__()
            (self._server.folder / bucket).mkdir(exist_ok=True)
            return self._server

    def grant(self, key: str, secret: str, buckets: Collection[str], *, write: bool) -> None:
        """Lets a key in: to these buckets, to read or also to write."""
        self._change({key: {"secret": secret, "buckets": [*buckets], "write": write}})

    def revoke(self, key: str) -> None:
        """Lets it in no more."""
        self._change({key: None})

    def _change(self, keys: dict[str, Any]) -> None:
        from rehearsal.storage import Storage

        with self._lock:
            Storage.of(self._folder).change(keys)

    def holds(self, bucket: str) -> bool:
        """Whether there is anything in it."""
        folder = self._folder / "data" / bucket
        return folder.is_dir() and any(folder.iterdir())

    def stop(self) -> None:
        """Ends the server, if it runs."""
        with self._lock:
            if self._server is not None:
                self._server.__exit__()
                self._server = None
