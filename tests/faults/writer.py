"""Somebody who commits all the time, and remembers elsewhere what was acknowledged, and when."""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

TABLE = (
    "create table if not exists acknowledged (n bigint primary key, at timestamptz default clock_timestamp())"
)
PATIENCE_SECONDS = 60
"""For an answer; then the line is given up, as an application's pool would do."""


class Writer:
    """Commits the numbers 1, 2, … one by one; of what it was never answered it claims nothing.

    A number that was sent and not acknowledged is not sent again: the next one is. It connects again until it
    is ended.
    """

    def __init__(self, command: Callable[[], Sequence[str]], every: float = 0.1) -> None:
        """`command`: that of a `psql` which reads statements and ends with the first error."""
        self._command = command
        self._every = every
        self._over = threading.Event()
        self._resting = threading.Event()
        self._busy = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.sent = 0
        self.acknowledged: dict[int, float] = {}
        """By number: when, by the monotonic clock."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """It commits nothing meanwhile, and has been answered what it has sent."""
        self._resting.set()
        try:
            with self._busy:
                yield
        finally:
            self._resting.clear()

    def since(self, moment: float) -> int:
        """How many were acknowledged after that moment."""
        return sum(at > moment for at in list(self.acknowledged.values()))

    def missing(self, present: set[int]) -> dict[int, float]:
        """Of those acknowledged, what is not there."""
        return {n: at for n, at in list(self.acknowledged.items()) if n not in present}

    def forget(self) -> None:
        """What is lost by now is not counted again."""
        self.acknowledged = {}

    def _work(self) -> None:
        while not self._over.is_set():
            with suppress(OSError, subprocess.SubprocessError, AssertionError):
                self._session()
            self._over.wait(0.2)

    def _session(self) -> None:
        process = subprocess.Popen(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        try:
            while not self._over.is_set():
                if self._resting.is_set():
                    self._over.wait(0.05)
                    continue
                with self._busy:
                    if self._resting.is_set():
                        continue
                    self.sent += 1
                    if not self._commit(process, self.sent):
                        return
                    self.acknowledged[self.sent] = time.monotonic()
                self._over.wait(self._every)
        finally:
            process.kill()
            process.wait()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()

    def _commit(self, process: subprocess.Popen[bytes], number: int) -> bool:
        """Whether it was acknowledged."""
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"insert into acknowledged values ({number}) returning n;\n".encode())
        answer, end = b"", time.monotonic() + PATIENCE_SECONDS
        while not answer.endswith(b"\n"):
            left = end - time.monotonic()
            ready, _, _ = select.select([process.stdout], [], [], min(max(left, 0), 1))
            if ready:
                part = os.read(process.stdout.fileno(), 100)
                if not part:
                    return False
                answer += part
            elif left <= 0 or self._over.is_set():
                return False
        return answer == f"{number}\n".encode()
