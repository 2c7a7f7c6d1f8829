"""What it costs an up that changes nothing to look at what is there: see docs/bench.md."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from operations.deployment import Deployment
from rehearsal.run import STACKS, Rehearsal

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 2.0
"""Seconds, of the medians."""


def main() -> int:
    """Exit codes: 0 within the limit, 1 not."""
    parser = argparse.ArgumentParser(prog="python -m bench.again", description=__doc__)
    parser.add_argument("--stack", choices=STACKS, default="uat", help="rehearsed, and up")
    parser.add_argument("--runs", type=int, default=6, help="of each (default: 6)")
    arguments = parser.parse_args()
    rehearsal = Rehearsal(ROOT, arguments.stack, say=lambda _: None, show=lambda _: None)
    with rehearsal.standing() as deployment:
        deployment.up()  # from here on it is the last run again
        blind, seeing = [], []
        for _ in range(arguments.runs):
            blind.append(_seconds(lambda: _up_that_reads_nothing(deployment)))
            seeing.append(_seconds(deployment.up))
    more = statistics.median(seeing) - statistics.median(blind)
    for name, seconds in (("reads nothing", blind), ("reads all", seeing)):
        print(f"{name:<14} {statistics.median(seconds):5.2f} s  ({min(seconds):.2f} to {max(seconds):.2f})")
    print(f"{'more':<14} {more:5.2f} s  (limit {LIMIT:.0f} s)")
    return 0 if more <= LIMIT else 1


def _up_that_reads_nothing(deployment: Deployment) -> None:
    deployment.state()  # as each deploy asks for it first
    deployment.open().up(suppress_outputs=True, color="never")


def _seconds(run: Callable[[], object]) -> float:
    started = time.monotonic()
    run()
    return time.monotonic() - started


if __name__ == "__main__":
    raise SystemExit(main())
