"""Waiting for a condition, bounded, with the time that it took."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds_until(what: str, condition: Callable[[], object], limit: float, every: float = 0.5) -> float:
    """Polls until `condition` is truthy and does not raise; returns the seconds.

    Raises:
        AssertionError: the condition did not hold within `limit` seconds; it tells what was last seen.
    """
    started = time.monotonic()
    last: object = None
    while (elapsed := time.monotonic() - started) < limit:
        try:
            last = condition()
        except Exception as error:
            last = error
        else:
            if last:
                return elapsed
        time.sleep(every)
    raise AssertionError(f"{what}: not within {limit:.0f} s; last seen: {last!r}")
