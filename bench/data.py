"""What it takes to dump, prove, copy and restore a database of a size: docs/bench.md."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rehearsal.images import builder
from rehearsal.s3 import S3Server
from tests.components.backup.test_backup import environment
from tests.components.backup.test_offsite import placed_restic, variables
from tests.components.services.conftest import Server, give, running
from tests.live.copies.conftest import in_bucket
from tests.operations.restore.conftest import Place, placed

SIZES_MB = (100, 1000)
TIMES, MEMORY_MB = 3.0, 256
"""Limits: a proven dump's time against the plain one's, and what it holds in memory."""
ROW_BYTES = 1100
# About half of each row compresses well, as prose does, and half not at all.
FILL = """
create extension if not exists pgcrypto;
create table issues (id bigserial primary key, project int, title text, body text, changed timestamptz);
insert into issues (project, title, body, changed)
select i % 97, 'issue ' || i,
  encode(gen_random_bytes(340), 'base64') || repeat('it does not work since Monday ', 16),
  timestamptz '2026-01-01' + i * interval '1 second' from generate_series(1, {rows}) i;
create index on issues (project, changed); create index on issues (title); analyze;
"""


@dataclass(frozen=True)
class Measured:
    """Of one database; seconds and MB."""

    size: int
    plain: float
    custom: float
    proven: float
    memory: float
    dump: int
    copied: float
    copying: float
    fetched: float
    plain_restore: float
    restore: float

    @property
    def holds(self) -> bool:
        """Whether it is within the limits."""
        shipped = self.proven + self.copied
        return shipped <= TIMES * self.plain and max(self.memory, self.copying) <= MEMORY_MB

    def row(self) -> str:
        """Of the table in docs/bench.md."""
        proven = f"{self.proven:.1f} s, {self.proven / self.plain:.1f} times"
        shipped = f"{self.copied:.1f} s, {(self.proven + self.copied) / self.plain:.1f} times with it"
        restored = f"{self.restore:.1f} s, {self.restore / self.plain_restore:.1f} times"
        return (
            f"| {self.size} MB | {self.plain:.1f} s | {self.custom:.1f} s | {proven} | "
            f"{self.memory:.0f} MB | {self.dump} MB | {shipped} | {self.copying:.0f} MB | "
            f"{self.fetched:.1f} s | {self.plain_restore:.1f} s | {restored} |"
        )


def main() -> int:
    """Exit codes: 0 within the limits, 1 not."""
    parser = argparse.ArgumentParser(prog="python -m bench.data", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES_MB, help="in MB (default: 100 1000)")
    arguments = parser.parse_args()
    print(
        "| database | pg_dump, gzip | pg_dump -Fc | backup | its memory | dump | copy off the machine | "
        "its memory | fetched | pg_restore | make restore |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    builder.build(("s3",))
    measured = []
    for size in arguments.sizes:
        measured.append(measure(size))
        print(measured[-1].row(), flush=True)
    return 0 if all(found.holds for found in measured) else 1


def measure(size_mb: int) -> Measured:
    """A database of about that size, on a server of its own."""
    with running(*(f"-c {setting}" for setting in _SETTINGS)) as server:
        assert server.make_roles().returncode == 0
        server.sql("jira", FILL.format(rows=size_mb * 2**20 // ROW_BYTES), timeout=3600)
        size = int(server.sql("postgres", "select pg_database_size('jira') >> 20"))
        backups = server.folder / "backups"
        backups.mkdir()
        give(backups)
        plain = _seconds(lambda: _shell(server, f"pg_dump {_AT} jira | gzip >{backups}/plain.gz"))
        custom = _seconds(lambda: _shell(server, f"pg_dump {_AT} -Fc jira >{backups}/custom"))
        # The trial is in a cluster of its own, and leaves the reserve of the disk alone.
        given = environment(server, backups, DATABASES="jira")
        with _watched(f"BACKUPS={backups}") as peak:
            proven = _seconds(lambda: _ran(server, ["bash", "backup.sh"], given))
        server.sql("postgres", "create database plain owner jira")
        plain_restore = _seconds(lambda: _shell(server, f"pg_restore {_AT} -d plain {backups}/custom"))
        server.sql("postgres", "drop database plain")
        copied, copying, fetched = _copied(server, backups)
        place = placed(server, backups)
        restore = _seconds(lambda: _restored(place))
        dump = place.dump().stat().st_size >> 20
        return Measured(
            size, plain, custom, proven, peak[0], dump, copied, copying, fetched, plain_restore, restore
        )


def _copied(server: Server, backups: Path) -> tuple[float, float, float]:
    """The seconds and the memory of a copy to a new repository, and the seconds of fetching it."""
    given = variables(server, backups, Path(), placed_restic(server), DATABASES="jira")
    with S3Server() as storage:
        given = in_bucket(given, server, storage, "bench")
        with _watched(f"RESTIC_REPOSITORY={given['RESTIC_REPOSITORY']}") as peak:
            copied = _seconds(lambda: _ran(server, ["bash", "offsite.sh", "push"], given))
        (dump,) = (backups / "jira").glob("*.dump")
        dump.unlink()
        fetched = _seconds(lambda: _ran(server, ["bash", "offsite.sh", "fetch", dump.stem, "jira"], given))
    return copied, peak[0], fetched


_AT = "-h $SOCKET -p $PGPORT -U postgres"
_SETTINGS = ("shared_buffers=192MB", "maintenance_work_mem=48MB", "max_wal_size=1GB")


def _shell(server: Server, command: str) -> None:
    variables = {"SOCKET": str(server.folder), "PGPORT": str(server.port)}
    _ran(server, ["bash", "-eo", "pipefail", "-c", command], variables)


def _ran(server: Server, command: Sequence[str], variables: dict[str, str]) -> None:
    done = server.run(*command, environment=variables, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr


def _restored(place: Place) -> None:
    done = place.restore(timeout=3600)
    assert done.returncode == 0, done.stdout


def _seconds(run: Callable[[], None]) -> float:
    started = time.monotonic()
    run()
    return time.monotonic() - started


@contextmanager
def _watched(variable: str) -> Iterator[list[float]]:
    """The most that processes with that variable held at once, in MB; what they share counts once."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            held = sum(_held(path, variable.encode()) for path in Path("/proc").glob("[0-9]*"))
            peak[0] = max(peak[0], held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def _held(process: Path, variable: bytes) -> float:
    with suppress(OSError):
        if variable in (process / "environ").read_bytes().split(b"\0"):
            for line in (process / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    if os.getuid() != 0:
        raise SystemExit("as root: the server runs as another user")
    raise SystemExit(main())
