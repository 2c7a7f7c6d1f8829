"""Measures the program and the engine, prints a table and says whether the limits hold: see docs/bench.md."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from operations.deployment import PROJECT
from tests.engine.lab import BASE, ROOT, Lab, put

STACKS = ("local", "uat", "prod")
PROGRAM_LIMITS = {"local": 0.8, "uat": 3.0, "prod": 3.0}
PREVIEW_LIMIT, NO_OP_LIMIT = 4.0, 5.0
"""All limits in seconds, for the median on two idle cores."""
TIMES = {("preview", "uat"): 6.0, ("up", "uat"): 4.0}
"""Limits in times the empty program's median, of the same rounds: they hold for any machine."""
EXTRA = (0, 10, 20)
"""Containers beside the program's own, for the slope."""
IDLE_LOAD = 0.5
"""Load per core above which the machine is not idle."""


@dataclass(frozen=True)
class Row:
    """What was measured, in seconds, or for a slope in milliseconds per container."""

    name: str
    unit: str
    least: float
    median: float
    most: float
    empty: float | None = None
    """The median of an empty program in the same rounds."""
    limit: float | None = None
    most_times: float | None = None
    """The limit in times `empty`."""

    @property
    def holds(self) -> bool:
        """Whether the median is within the limits, if there are any."""
        return (self.limit is None or self.median <= self.limit) and (
            self.most_times is None or self.empty is None or self.median <= self.most_times * self.empty
        )


class Bench:
    """`runs` rounds of each measurement; a round also measures an empty program."""

    def __init__(self, folder: Path, runs: int) -> None:
        self.runs = runs
        self.rows: list[Row] = []
        self._folder = folder
        self._empty = folder / "empty"
        self._empty.mkdir()
        (self._empty / "__main__.py").touch()
        (self._empty / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        (folder / "backend").mkdir()

    def program(self) -> None:
        """Import and declaration in a fresh process; the engine takes everything at once."""
        for stack in STACKS:
            self._rounds(
                f"program {stack}",
                lambda stack=stack: self._program(ROOT, stack),
                lambda: self._program(self._empty, "empty"),
                PROGRAM_LIMITS[stack],
            )

    def program_slope(self) -> None:
        """What one more container adds to the program, until all is registered."""
        slopes = [
            _slope({count: self._program(ROOT, "local", count, until="registered") for count in EXTRA})
            for _ in range(self.runs)
        ]
        self._add("program, each further container", "ms", slopes)

    def engine(self, lab: Lab) -> None:
        """Preview and no-op up on the real engine, and what one more container adds to a preview."""
        for stack in STACKS:
            lab.restore(None)
            lab.deployment(stack).up()
            for step, name, limit in (("preview", "preview", PREVIEW_LIMIT), ("up", "no-op up", NO_OP_LIMIT)):
                self._rounds(
                    f"{name} {stack}",
                    lambda step=step, stack=stack: self._engine(lab, lab.state / "project", stack, step),
                    lambda step=step: self._engine(lab, self._empty, "empty", step),
                    limit,
                    TIMES.get((step, stack)),
                )
            if stack == "local":
                self._preview_slope(lab)

    def _preview_slope(self, lab: Lab) -> None:
        main = lab.state / "project" / "__main__.py"
        text = main.read_text()
        slopes = []
        for _ in range(self.runs):
            taken = {}
            for count in EXTRA:
                main.write_text(f"{text}\nfrom bench.extra import declare\n\ndeclare(platform, {count})\n")
                # The first one has the network that the others have, too.
                taken[count] = self._engine(lab, lab.state / "project", "local", "preview", changes=None)
            slopes.append(_slope(taken))
        main.write_text(text)
        self._add("preview, each further container", "ms", slopes)

    def _rounds(
        self,
        name: str,
        measure: Callable[[], float],
        empty: Callable[[], float],
        limit: float,
        most_times: float | None = None,
    ) -> None:
        measured, beside = [], []
        for first in (measure, empty):  # which compiles
            first()
        for _ in range(self.runs):
            measured.append(measure())
            beside.append(empty())
        self._add(name, "s", measured, statistics.median(beside), limit, most_times)

    def _add(
        self,
        name: str,
        unit: str,
        values: list[float],
        empty: float | None = None,
        limit: float | None = None,
        most_times: float | None = None,
    ) -> None:
        least, median, most = min(values), statistics.median(values), max(values)
        row = Row(name, unit, least, median, most, empty, limit, most_times)
        self.rows.append(row)
        print(_line(row), flush=True)

    def _program(self, folder: Path, stack: str, extra: int = 0, until: str = "declared") -> float:
        return float(program(folder, stack, extra)[until])

    def _engine(self, lab: Lab, project: Path, stack: str, step: str, changes: int | None = 0) -> float:
        environment = lab.environment()
        if stack == "empty":
            environment["PULUMI_BACKEND_URL"] = f"file://{self._folder / 'backend'}"
        needs = {
            "project": str(project),
            "stack": stack,
            "binary": str(lab.binary),
            "environment": environment,
            "home": str(self._folder / "home"),
        }
        found = _child(["bench.engine", step], json.dumps(needs))
        if changes is not None and stack != "empty" and found["changes"] != changes:
            raise SystemExit(
                f"{step} {stack}: {found['changes']} changes, where {changes} were to be measured"
            )
        return float(found["seconds"])


def program(folder: Path, stack: str, extra: int = 0) -> dict[str, Any]:
    """What `bench.program` measures of a stack with so many containers more; `empty` is an empty program."""
    configuration = {} if stack == "empty" else _configuration(stack)
    return _child(["bench.program", str(folder), stack, json.dumps(configuration), str(extra)])


def _child(words: list[str], given: str = "") -> dict[str, Any]:
    """What `python -m …` prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *words],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        env=_environment(),
    )
    if done.returncode != 0:
        raise SystemExit(f"{words[0]} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="bench-bytecode-")


def _environment() -> dict[str, str]:
    """Ours, in which Python keeps what it has compiled: else each run compiles all SDKs anew."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": _bytecode().name}


def _configuration(stack: str) -> Mapping[str, str]:
    """The stack file as the engine hands it to the program."""
    sections = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    for path, value in BASE[stack].items():
        put(sections, path, value)
    values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in sections.items()}
    return values if stack == "local" else {**values, f"{PROJECT}:acme_dns_token": "0" * 40}


def _slope(seconds: Mapping[int, float]) -> float:
    """Milliseconds per container: the line of least squares through the points."""
    return statistics.linear_regression(list(seconds), list(seconds.values())).slope * 1000


def _line(row: Row) -> str:
    shown = [
        f"{value:9.0f}" if row.unit == "ms" else f"{value:9.2f}"
        for value in (row.least, row.median, row.most)
    ]
    beside = f"{row.empty:9.2f} {row.median / row.empty:6.1f}" if row.empty else f"{'':16}"
    times = f", {row.most_times:.0f} times" if row.most_times else ""
    limit = f"{row.limit:7.1f}{times}  {'holds' if row.holds else 'BROKEN'}" if row.limit else ""
    return f"{row.name:34}{row.unit:>3}{''.join(shown)}{beside}{limit}".rstrip()


HEAD = f"{'':34}{'':>3}{'min':>9}{'median':>9}{'max':>9}{'empty':>9} {'times':>6}{'limit':>7}"


def main() -> int:
    """0 if every limit holds, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="rounds of each measurement (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument("--program", action="store_true", help="only the program, without the engine")
    arguments = parser.parse_args()
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load > IDLE_LOAD:
        print(f"this machine is not idle (load {load:.1f} per core): the numbers are too high")
    print(HEAD)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        bench = Bench(folder, arguments.runs)
        bench.program()
        bench.program_slope()
        if not arguments.program:
            lab = Lab(folder / "lab", folder / "files")
            try:
                bench.engine(lab)
            finally:
                lab.close()
    holds = all(row.holds for row in bench.rows)
    if arguments.json:
        rows = [{**asdict(row), "holds": row.holds} for row in bench.rows]
        arguments.json.write_text(json.dumps({"load_per_core": load, "holds": holds, "rows": rows}, indent=1))
    print("every limit holds" if holds else "a limit is broken")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
