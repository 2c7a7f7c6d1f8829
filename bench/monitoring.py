"""What looking costs: a rehearsed stack with monitoring and without, in turn: docs/bench.md."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from tests.live.stacks.stand import Stand
from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import whole

STACK = "uat"
WAYS: Mapping[str, Mapping[str, Any]] = {
    "without": {"monitoring": {"enabled": False}, "domain": {"metrics": None}},
    "with": {},
}
"""Sections of the stack file."""
STEPS = {"up": "up", "preview": "preview", "no-op up": "up"}
"""What is timed, in this order, and the step of a rehearsal that it is."""
TIMES = 1.15
"""Limit of each step's median, in times that without."""
SETTLE_SECONDS = 60
"""After an up, until what begins has begun."""

USED = (Path(__file__).parent / "used.py").read_text(encoding="utf-8")


@dataclass
class Way:
    """What was measured of a stack that is up, in each round."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})
    parts: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Cores, and megabytes held, by service or unit."""

    @property
    def cores(self) -> list[float]:
        """Of the whole machine, while nobody asks it anything."""
        return [cores for cores, _ in self.parts["all"]]


def main() -> int:
    """Exit codes: 0 within the limit, 1 not."""
    parser = argparse.ArgumentParser(prog="python -m bench.monitoring", description=__doc__)
    parser.add_argument("--runs", type=int, default=2, help="rounds, each of both ways (default: 2)")
    parser.add_argument("--idle", type=int, default=180, help="seconds of nothing that count (default: 180)")
    arguments = parser.parse_args()
    found = {name: Way() for name in WAYS}
    for turn in range(arguments.runs):
        for name, sections in WAYS.items():
            with tempfile.TemporaryDirectory(prefix="bench-monitoring-") as folder:
                _measure(Path(folder), sections, found[name], arguments.idle)
            print(f"round {turn + 1}, {name}: {_line(found[name])}", flush=True)
    _parts(found["with"])
    return 0 if _compared(found["without"], found["with"]) else 1


def _measure(folder: Path, sections: Mapping[str, Any], way: Way, idle: int) -> None:
    os.sync()  # what the stand before has written is no part of this one's seconds
    # What the steps say is in the stand; it would be told at its end.
    with redirect_stdout(StringIO()), closing(Stand(folder, STACK, sections)) as stand:
        for name, step in STEPS.items():
            (seconds,) = (timing.seconds for timing in stand.run(step) if timing.step == step)
            way.seconds[name].append(seconds)
        target = stand.target()
        seconds_until("the stack is whole", lambda: whole(target), 300)
        time.sleep(SETTLE_SECONDS)
        before, began = _usage(target), time.monotonic()
        time.sleep(idle)
        after, lasted = _usage(target), time.monotonic() - began
        for part in before.keys() & after.keys():
            cores = (after[part][0] - before[part][0]) / lasted
            way.parts.setdefault(part, []).append((cores, after[part][1] / 2**20))


def _usage(target: Target) -> dict[str, tuple[float, int]]:
    found: dict[str, tuple[float, int]] = json.loads(target.ssh(f"python3 -c {shlex.quote(USED)}"))
    return found


def _line(way: Way) -> str:
    steps = ", ".join(f"{step} {way.seconds[step][-1]:.1f} s" for step in STEPS)
    return f"{steps}; idle, the machine used {way.cores[-1]:.3f} cores"


def _parts(way: Way) -> None:
    print(f"\n{'idle, with':<28}{'cores':>8}{'MB':>8}")
    medians = {
        name: (statistics.median(cores for cores, _ in seen), statistics.median(held for _, held in seen))
        for name, seen in way.parts.items()
    }
    for name, (cores, held) in sorted(medians.items(), key=lambda item: -item[1][0]):
        if cores >= 0.0005 or held >= 1:
            print(f"{name:<28}{cores:>8.3f}{held:>8.0f}")


def _compared(without: Way, with_: Way) -> bool:
    print(f"\n{'medians':<12}{'without':>9}{'with':>9}{'times':>8}  limit {TIMES}")
    holds = True
    for step in STEPS:
        less, more = (statistics.median(way.seconds[step]) for way in (without, with_))
        holds = holds and more <= TIMES * less
        print(f"{step:<12}{less:>8.1f}s{more:>8.1f}s{more / less:>8.2f}")
    less, more = (statistics.median(way.cores) for way in (without, with_))
    print(f"{'idle cores':<12}{less:>9.3f}{more:>9.3f}{more / less:>8.2f}")
    return holds


if __name__ == "__main__":
    raise SystemExit(main())
