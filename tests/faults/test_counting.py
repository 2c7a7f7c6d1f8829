"""The matrix itself: a loss is counted, and a row that lost too much, or was not made, fails it."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

import pytest

from tests.components.services.conftest import BINARIES, PASSWORDS, Server, as_user, server
from tests.faults.mutations.mutation import KINDS, mutated
from tests.faults.row import Matrix, Row
from tests.faults.watch import Watch
from tests.faults.writer import TABLE, Writer
from tests.playbook.waiting import seconds_until

__all__ = ["server"]

GOOD = Row("a fault", "here", acknowledged=10, healthy=1.5, happened="nothing")


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"lost": 1, "lost_seconds": 3.0}, False),
        ({"lost": 1, "lost_seconds": 3.0, "seconds_allowed": 60}, True),
        ({"lost": 1, "lost_seconds": 61.0, "seconds_allowed": 60}, False),
        ({"acknowledged": None}, False),
        ({"healthy": None}, False),
        ({"failed": "AssertionError"}, False),
    ],
)
def test_a_row_holds_or_fails_the_matrix(changes: dict[str, object], holds: bool) -> None:
    matrix = Matrix()
    matrix.add("test_it.py::test", replace(GOOD, **changes))  # type: ignore[arg-type]
    assert (matrix.wrong(least=1) == "") is holds
    assert "2 rows" not in matrix.wrong(least=1)
    assert ("1 hold" in matrix.markdown()) is holds


def test_too_few_rows_are_no_matrix() -> None:
    matrix = Matrix()
    matrix.add("test_it.py::test", GOOD)
    assert matrix.wrong(least=45) == "1 rows were made, and a whole matrix has 45"


def test_what_was_acknowledged_and_is_gone_is_counted(server: Server) -> None:
    assert server.make_roles().returncode == 0
    server.sql("jira", TABLE)
    psql = (f"{BINARIES}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(server.port))
    password = f"PGPASSWORD={PASSWORDS['postgres']}"
    row = replace(GOOD, acknowledged=None, healthy=None)
    with Writer(lambda: [*as_user(), "env", password, *psql, "-U", "postgres", "jira"], every=0.01) as writer:
        watch = Watch(row, writer, lambda statement: server.sql("jira", statement), lambda: True)
        seconds_until("20 are acknowledged", lambda: len(writer.acknowledged) >= 20, 30)
        watch.struck()
        server.run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")
        with writer.resting():
            at = time.monotonic()
        server.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options(server), "start")
        watch.healed()
        watch.counted("a crash")
        assert (row.lost, row.holds) == (0, True)
        assert writer.since(at) > 0, "it has connected again"
        server.sql("jira", "delete from acknowledged where n in (3, 5)")
        watch.counted("two are gone")
    assert (row.lost, row.holds) == (2, False)
    assert row.acknowledged is not None
    assert row.acknowledged >= 20


def options(server: Server) -> str:
    return f"-p {server.port} -k {server.folder} -c listen_addresses=127.0.0.1 -c fsync=off"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_mutation_is_another_content(kind) -> None:  # type: ignore[no-untyped-def]
    content = Random(0).randbytes(5000)
    seen = {mutated(content, Random(seed))[0] for seed in range(100)}
    assert kind.__name__.replace("_", " ") in seen
    assert all(mutated(content, Random(seed))[1] != content for seed in range(100))
