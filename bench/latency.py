"""What a backup costs those who work meanwhile: the API's latency beside one, and alone: docs/bench.md."""

from __future__ import annotations

import argparse
import shlex
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.data import FILL, ROW_BYTES
from bench.up import up
from rehearsal.run import STACKS
from tests.live.archive.cluster import called
from tests.playbook import load
from tests.playbook.target import Target

TIMES = 1.5
"""Limit: of the 99th percentile, the median of the rounds."""
USERS, SECONDS = 10, 30
SCHEMA = "bench"
BACKUP = shlex.join([*called("backup.sh"), "manual"])


@dataclass(frozen=True)
class Round:
    """What the users of one load saw."""

    load: load.Load
    backups: int
    """Begun while it went on."""

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return self.load.percentile(0.99) * 1000

    def line(self, name: str) -> str:
        """Of the table."""
        p50, number = self.load.percentile(0.5) * 1000, len(self.load.samples)
        numbers = f"{number:>9}{len(self.load.errors):>8}{p50:>9.0f}{self.p99:>9.0f}"
        return f"{name:<8}{numbers}{self.backups or '':>9}"


def main() -> int:
    """Exit codes: 0 within the limit and without an error, 1 not."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--stack", choices=STACKS, default="uat", help="rehearsed, and up")
    parser.add_argument("--runs", type=int, default=3, help="rounds of each (default: 3)")
    parser.add_argument("--size", type=int, default=300, help="MB added to the database (default: 300)")
    arguments = parser.parse_args()
    with up(arguments.stack) as (_, target):
        print(f"{'':<8}{'requests':>9}{'errors':>8}{'p50 ms':>9}{'p99 ms':>9}{'backups':>9}", flush=True)
        alone, beside = [], []
        with _filled(target, arguments.size):
            for _ in range(arguments.runs):
                alone.append(Round(load.run(target, USERS, SECONDS), 0))
                print(alone[-1].line("alone"), flush=True)
                with _backups(target) as begun:
                    found = load.run(target, USERS, SECONDS)
                beside.append(Round(found, len(begun)))
                print(beside[-1].line("beside"), flush=True)
    times = statistics.median(r.p99 for r in beside) / statistics.median(r.p99 for r in alone)
    print(f"the 99th percentile beside a backup: {times:.2f} times that without (limit {TIMES})")
    errors = sum(len(found.load.errors) for found in (*alone, *beside))
    return 0 if times <= TIMES and not errors else 1


@contextmanager
def _filled(target: Target, size: int) -> Iterator[None]:
    """So many MB more in the database, in a schema of their own, which goes again."""
    fill = FILL.format(rows=size * 2**20 // ROW_BYTES)
    place = f"create schema {SCHEMA}; set search_path = {SCHEMA}, public"
    _sql(target, f"drop schema if exists {SCHEMA} cascade; {place}; {fill}")
    try:
        yield
    finally:
        _sql(target, f"drop schema {SCHEMA} cascade")


@contextmanager
def _backups(target: Target) -> Iterator[list[int]]:
    """Backups one after the other, from begin to end; how many were begun."""
    begun: list[int] = []
    over = threading.Event()
    failures: list[Exception] = []

    def backup() -> None:
        try:
            while not over.is_set():
                begun.append(len(begun))
                target.ssh(f"docker exec {target.containers()['backup']} {BACKUP}", timeout=600)
        except Exception as failure:
            failures.append(failure)

    thread = threading.Thread(target=backup, daemon=True)
    thread.start()
    try:
        yield begun
    finally:
        over.set()
        thread.join(timeout=600)
    if failures:
        raise failures[0]


def _sql(target: Target, statements: str) -> None:
    psql = "psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=jira"
    words = " ".join(
        f"--command={shlex.quote(statement)}" for statement in statements.split(";") if statement.strip()
    )
    target.ssh(f"docker exec {target.containers()['postgres']} {psql} {words}", timeout=1800)


if __name__ == "__main__":
    raise SystemExit(main())
