"""A proven dump, damaged at random many times: none may be restored, nor fetched.

What takes a dump for good is its checksum, and then that it can be restored and holds the same rows. The
second is tried with checksums that fit the damage, so that the first is out of its way.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

import pytest

from tests.components.backup.test_backup import back_up
from tests.components.backup.test_offsite import placed_restic, variables
from tests.components.backup.test_proof import EVERYTHING
from tests.components.services.conftest import BINARIES, PASSWORDS, Server, as_user, give, server
from tests.faults.mutations.mutation import mutated
from tests.faults.row import Row
from tests.faults.watch import Watch
from tests.faults.writer import TABLE, Writer
from tests.operations.restore.conftest import ISSUES, Place, placed

__all__ = ["server"]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

WHERE = "server"
SEED = 20261128
MUTATIONS, OBJECTS = 1000, 60
FITTING_SECONDS = 180
"""For those with a checksum that fits."""
WORKERS = 2


@dataclass(frozen=True)
class Bench:
    """A dump that was proven, and places that may restore it, each with files of its own."""

    server: Server
    name: str
    content: bytes
    told: dict[str, object]
    """What is kept with it: its checksum and sizes."""
    places: list[Place]

    def put(self, place: Place, content: bytes, *, fitting: bool) -> None:
        """A dump with that content, whose checksum is the first one's, or fits."""
        path = place.backups / "jira" / f"{self.name}.dump"
        path.write_bytes(content)
        told = self.told
        if fitting:
            told = told | {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        path.with_suffix(".json").write_text(json.dumps(told) + "\n")

    def tried(self, place: Place, content: bytes, *, fitting: bool) -> tuple[bool, str]:
        """Whether it was restored, beside what serves; and what was said of it, or what it holds."""
        into = place.folder.name
        self.put(place, content, fitting=fitting)
        done = place.restore(self.name, into=into)
        if done.returncode:
            errors = [line.partition("ERROR: ")[2] for line in done.stdout.splitlines() if "ERROR: " in line]
            return False, errors[0] if errors else done.stdout
        held = self.held(f"jira_{into}")
        self.server.sql("postgres", f'drop database "jira_{into}" with (force)')
        return True, held

    def held(self, database: str) -> str:
        """All that a database holds, as SQL."""
        done = self.server.run(
            *(
                "pg_dump",
                "-h",
                str(self.server.folder),
                "-p",
                str(self.server.port),
                "-U",
                "postgres",
                database,
            )
        )
        if done.returncode:
            return f"it cannot be dumped again: {done.stderr}"
        lines = done.stdout.splitlines()
        return "\n".join(line for line in lines if not line.startswith(("--", "\\restrict", "\\unrestrict")))


@pytest.fixture(scope="module")
def bench(server: Server) -> Bench:
    assert server.make_roles().returncode == 0
    server.sql("jira", ISSUES, user="jira")
    server.sql("jira", EVERYTHING)
    made = server.folder / "dumped"
    made.mkdir()
    give(made)
    done = back_up(server, made, DATABASES="jira")
    assert done.returncode == 0, done.stdout + done.stderr
    (dump,) = (made / "jira").glob("*.dump")
    places = []
    for number in range(WORKERS):
        backups = server.folder / f"backups{number}"
        shutil.copytree(made, backups)
        give(backups)
        places.append(placed(server, backups, f"m{number}"))
    return Bench(
        server, dump.stem, dump.read_bytes(), json.loads(dump.with_suffix(".json").read_text()), places
    )


@pytest.fixture(scope="module")
def writer(bench: Bench) -> Iterator[Writer]:
    server = bench.server
    server.sql("jira", TABLE)
    psql = (f"{BINARIES}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(server.port))
    password = f"PGPASSWORD={PASSWORDS['postgres']}"
    with Writer(lambda: [*as_user(), "env", password, *psql, "-U", "postgres", "jira"]) as writer:
        yield writer


@pytest.fixture
def watch(bench: Bench, writer: Writer, row: Row) -> Watch:
    return Watch(row, writer, lambda statement: bench.server.sql("jira", statement), lambda: True)


def mutants(bench: Bench, count: int, seed: int) -> list[tuple[str, bytes]]:
    random = Random(seed)
    return [mutated(bench.content, random) for _ in range(count)]


def spread(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))


@pytest.mark.fault(f"a proven dump is damaged at random, {MUTATIONS} times", WHERE)
def test_no_damaged_dump_is_restored(bench: Bench, watch: Watch) -> None:
    assert bench.tried(bench.places[0], bench.content, fitting=False)[0], "the dump itself is restored"
    watch.struck()
    damage = mutants(bench, MUTATIONS, SEED)

    def tried(place: Place, share: list[tuple[str, bytes]]) -> list[tuple[str, bool, str]]:
        return [(kind, *bench.tried(place, content, fitting=False)) for kind, content in share]

    with ThreadPoolExecutor(WORKERS) as pool:
        shares = [damage[number::WORKERS] for number in range(WORKERS)]
        outcomes = [outcome for found in pool.map(tried, bench.places, shares) for outcome in found]
    accepted = [outcome for outcome in outcomes if outcome[1]]
    by_checksum = sum("its bytes are not those that were proven" in said for _, _, said in outcomes)
    watch.over()
    watch.healed()
    watch.counted(
        f"{len(accepted)} of {len(outcomes)} were restored; the checksum refused {by_checksum} "
        f"(seed {SEED}: {spread(Counter(kind for kind, _, _ in outcomes))})"
    )
    assert len(outcomes) == MUTATIONS
    assert not accepted


@pytest.mark.fault("the same, with a checksum that fits the damage", WHERE)
def test_a_damaged_dump_whose_checksum_fits(bench: Bench, watch: Watch) -> None:
    """Which the program never makes: a checksum is that of what was restored and compared."""
    restored, reference = bench.tried(bench.places[0], bench.content, fitting=True)
    assert restored
    watch.struck()
    end = time.monotonic() + FITTING_SECONDS

    def tried(place: Place, share: list[tuple[str, bytes]]) -> list[tuple[str, bool, str]]:
        found = []
        for kind, content in share:
            if time.monotonic() > end:
                break
            found.append((kind, *bench.tried(place, content, fitting=True)))
        return found

    damage = mutants(bench, MUTATIONS, SEED + 1)
    with ThreadPoolExecutor(WORKERS) as pool:
        shares = [damage[number::WORKERS] for number in range(WORKERS)]
        outcomes = [outcome for found in pool.map(tried, bench.places, shares) for outcome in found]
    accepted = [(kind, held) for kind, restored, held in outcomes if restored]
    other = [(kind, differences(reference, held)) for kind, held in accepted if held != reference]
    rows = [difference for _, difference in other if difference.startswith("rows")]
    counts = (len(outcomes), len(outcomes) - len(accepted), len(accepted), len(accepted) - len(other))
    watch.over()
    watch.healed()
    example = f", such as: {other[0][0]}, {other[0][1][:120]}" if other else ""
    watch.counted(
        "{} in {} s (seed {}): {} did not restore or compare; {} did, of which {} hold exactly what was "
        "dumped, {} the same rows with another definition, {} other rows".format(
            counts[0], FITTING_SECONDS, SEED + 1, *counts[1:], len(other) - len(rows), len(rows)
        )
        + example
    )
    assert not rows


def differences(reference: str, held: str) -> str:
    """The first line that differs, and whether it is one of the rows'."""
    before, after = reference.splitlines(), held.splitlines()
    pairs = [pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]]
    first = f"{pairs[0][0]!r} became {pairs[0][1]!r}" if pairs else f"{len(before)} lines became {len(after)}"
    kind = "rows" if rows_of(before) != rows_of(after) else "definition"
    return f"{kind}: {first}"


def rows_of(lines: list[str]) -> dict[str, list[str]]:
    """By table: the rows, in any order."""
    found: dict[str, list[str]] = {}
    table = ""
    for line in lines:
        if line.startswith("COPY "):
            table = line.split()[1]
            found[table] = []
        elif line == "\\.":
            table = ""
        elif table:
            found[table].append(line)
    return {table: sorted(rows) for table, rows in found.items()}


@pytest.mark.fault(f"objects of a copy off the machine are damaged at random, {OBJECTS} times", WHERE)
def test_no_damaged_copy_is_fetched(bench: Bench, watch: Watch) -> None:
    """As the drill and a restore fetch it."""
    server = bench.server
    here, bucket, there = (server.folder / name for name in ("here", "bucket", "there"))
    shutil.copytree(bench.places[0].backups, here)
    bench.put(Place(server, here, here), bench.content, fitting=True)
    give(here)
    given = variables(
        server, here, bucket, placed_restic(server), DATABASES="jira", OPEN_SECONDS="30", LIMIT="30"
    )
    pushed = server.run("bash", "offsite.sh", "push", environment=given)
    assert pushed.returncode == 0, pushed.stderr
    random = Random(SEED + 2)
    outcomes: Counter[str] = Counter()
    watch.struck()
    for _ in range(OBJECTS):
        path = random.choice(sorted(path for path in bucket.rglob("*") if path.is_file()))
        content = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(mutated(content, random)[1])
        shutil.rmtree(there, ignore_errors=True)
        there.mkdir()
        give(there)
        done = server.run(
            "bash", "offsite.sh", "fetch", bench.name, "jira", environment=given | {"BACKUPS": str(there)}
        )
        fetched = there / "jira" / f"{bench.name}.dump"
        if done.returncode:
            assert not fetched.exists()
            outcomes["refused"] += 1
        else:
            assert fetched.read_bytes() == bench.content, f"{path.name} was damaged, and it was fetched"
            outcomes["fetched whole"] += 1
        path.write_bytes(content)
        give(path)
    watch.over()
    watch.healed()
    watch.counted(
        f"{outcomes['refused']} not fetched, {outcomes['fetched whole']} fetched whole all the same, "
        f"0 fetched and other (seed {SEED + 2})"
    )
