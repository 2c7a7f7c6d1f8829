"""Releases under load, by this program and by peers in one run: what is lost, how long each takes.

See docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import docker

from bench.measured import HEAD, Measured
from bench.picture import svg
from bench.rounds import Rounds
from bench.run import IDLE_LOAD
from bench.ways import images
from bench.ways.standing import NAMES, PREFIX, standing, sweep
from operations.cache import alone
from rehearsal import dockerd

OUT = Path(__file__).resolve().parent.parent / ".pulumi-out" / "bench-release"
ROUND = 10
"""Releases of a way in a row; then the next has its turn, so that a busy moment is not one way's alone."""


def main() -> int:
    """Exit codes: 0 the goals are reached, 1 not."""
    parser = argparse.ArgumentParser(prog="python -m bench.release", description=__doc__)
    parser.add_argument("--releases", type=int, default=50, help="of each way, under load (default: 50)")
    parser.add_argument("--idle", type=int, help="of each way without load (default: a tenth, at least 3)")
    parser.add_argument("--rate", type=int, default=200, help="requests a second (default: 200)")
    parser.add_argument("--minutes", type=float, default=240, help="after which none begins (default: 240)")
    parser.add_argument("--ways", nargs="+", choices=NAMES, default=NAMES, help="default: all")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="what it writes goes there")
    arguments = parser.parse_args()
    if trouble := dockerd.ensure(_say):
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > IDLE_LOAD:
        _say(f"this machine is not idle (load {load:.1f} per core): what is slow may not be the release")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is up is taken down
    idle = arguments.idle if arguments.idle is not None else max(3, arguments.releases // 10)
    waiting = "another run is under way on this machine; waiting for it"
    with alone("bench-release", lambda: _say(waiting)), tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        client = docker.from_env()
        sweep(client, _say)
        first, second = images.pair(client, _say)
        with standing(client, arguments.ways, first, Path(name), _say) as ways:
            found = [Measured(way, cycle((second, first))) for way in ways]
            rounds = Rounds(client, arguments.rate, arguments.minutes, Path(name), _say)
            try:
                for _ in measure(rounds, found, arguments.releases, idle):
                    write(found, arguments.out)  # so that what was seen stays, whatever ends the run
            finally:
                show(write(found, arguments.out), arguments.out)
        client.close()
    return 0 if "ours" not in arguments.ways or reached(found[arguments.ways.index("ours")], arguments) else 1


def measure(rounds: Rounds, found: Sequence[Measured], releases: int, idle: int) -> Iterator[None]:
    """So many releases of each way under load, and so many idle ones before; yields after each round."""
    for measured in found:
        rounds.idle(measured, idle)
    while not rounds.over and (left := [each for each in found if _left(each, releases)]):
        for measured in left:
            rounds.loaded(measured, min(_left(measured, releases), ROUND))
        yield


def _left(measured: Measured, releases: int) -> int:
    return 0 if measured.failed else releases - len(measured.loaded)


def reached(own: Measured, arguments: argparse.Namespace) -> bool:
    """Whether the goals are; each one that is missed is told."""
    missed = own.missed(arguments.releases)
    for goal in missed:
        _say(f"goal missed: {goal}")
    return not missed


def write(found: Sequence[Measured], folder: Path) -> str:
    """Table, picture and lost requests, to the folder; the table, with the causes below it."""
    folder.mkdir(parents=True, exist_ok=True)
    table = "\n".join([HEAD, *(measured.row() for measured in found)])
    causes = [f"- {m.way.title}: {reason}" for m in found for reason in m.reasons()]
    told = "\n".join([table, "", *causes, ""])
    (folder / "table.md").write_text(told)
    (folder / "picture.svg").write_text(svg([measured.panel() for measured in found]))
    with (folder / "losses.jsonl").open("w") as handle:
        for measured in found:
            for loss in measured.losses:
                handle.write(json.dumps({"way": measured.way.title, **loss.entry()}) + "\n")
    return told


def show(table: str, folder: Path) -> None:
    """What was written, and where."""
    _say(f"\n{table}\nalso there: {os.path.relpath(folder)}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
