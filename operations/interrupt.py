"""Ctrl-C and SIGTERM during a run: the engine ends its steps and writes its state, then we end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Within, a first signal lets the engine finish what it has begun; a second one ends at once.

    Ctrl-C reaches the engine by itself, being of the terminal's foreground group; SIGTERM is passed on to it.
    Yields a function that tells whether a signal came.
    """
    seen: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        engines = _engines()
        if number == signal.SIGTERM:
            for pid in engines:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
        if len(seen) > 1 or not engines:
            raise KeyboardInterrupt
        print("\ninterrupted: the engine finishes what it has begun; again to end at once", file=sys.stderr)

    def report(arguments: threading.ExceptHookArgs) -> None:
        # The Automation API's readers of the engine's output find it closed when a signal ends its run.
        if not (seen and arguments.exc_type is ValueError):
            threading.__excepthook__(arguments)

    hook, threading.excepthook = threading.excepthook, report
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(seen)
    except KeyboardInterrupt:
        print("\ninterrupted; the next run settles what was cut off", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)  # the Automation API's threads would wait for the engine
    finally:
        threading.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _engines() -> list[int]:
    """The engine processes that this process started; empty where /proc does not tell."""
    found = []
    for task in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            for pid in task.read_text().split():
                if Path(f"/proc/{pid}/comm").read_text().strip() == "pulumi":
                    found.append(int(pid))
    return found
