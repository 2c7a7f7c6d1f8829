"""The shares of Postgres' connections, on a real server: who has used up the own shuts out no one else."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from components.services.connections import Connections, connections
from components.settings.services import Api, Services, Worker
from rehearsal.declared.platform import commands, containers, declare
from tests.components.backup.test_backup import back_up
from tests.components.services.conftest import BINARIES, PASSWORDS, SHARES, Server, as_user, give


@contextmanager
def leak(server: Server, user: str, database: str, count: int) -> Iterator[None]:
    """So many sessions of a role that do nothing, of which the server lets in as many as its share."""
    session = f"psql -X -h 127.0.0.1 -p {server.port} -U {user} -d {database} -c 'select pg_sleep(300)'"
    sessions = subprocess.Popen(
        [*as_user(), "bash", "-c", f"for i in {{1..{count}}}; do {session} & done; wait"],
        env={"PATH": f"{BINARIES}:/usr/bin:/bin", "PGPASSWORD": PASSWORDS[user]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    held = f"select count(*) from pg_stat_activity where usename = '{user}' and query like '%pg_sleep(300)%'"
    wanted = min(count, getattr(SHARES, user))
    try:
        deadline = time.monotonic() + 60
        while int(server.sql("postgres", held)) < wanted:
            assert time.monotonic() < deadline, f"{wanted} sessions of {user} do not come about"
            time.sleep(0.2)
        with pytest.raises(AssertionError, match=f'too many connections for role "{user}"'):
            server.sql(database, "select 1", user=user)
        yield
    finally:
        end = f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{user}'"
        for _ in range(60):  # one that comes late finds a place that is free by then
            server.sql("postgres", end)
            with suppress(subprocess.TimeoutExpired):
                sessions.communicate(timeout=1)
                break
        else:
            sessions.kill()
            raise AssertionError(f"the sessions of {user} do not end")


@pytest.fixture
def backups(server: Server) -> Path:
    assert server.make_roles().returncode == 0
    folder = server.folder / "backups"
    folder.mkdir(exist_ok=True)
    give(folder)
    return folder


def test_a_leak_of_the_application_keeps_out_no_backup_no_migration_no_temporal_and_no_administrator(
    server: Server, backups: Path
) -> None:
    """runtime 7."""
    with leak(server, "jira", "jira", SHARES.total):
        result = back_up(server, backups)
        assert result.returncode == 0, result.stderr
        made = server.sql("jira", "create table late (i int); select 'made'", user="migration")
        assert made.splitlines()[-1] == "made"
        assert server.sql("temporal", "select 1", user="temporal") == "1"
        assert server.sql("postgres", "select 1") == "1"


@pytest.mark.parametrize(
    ("user", "database"), [("temporal", "temporal"), ("migration", "jira"), ("backup", "jira")]
)
def test_nor_does_a_leak_of_any_other_role_keep_the_application_out(
    server: Server, user: str, database: str
) -> None:
    server.make_roles()
    with leak(server, user, database, SHARES.total):
        assert server.sql("jira", "select 1", user="jira") == "1"
        assert server.sql("postgres", "select 1") == "1"


def test_a_backup_that_gets_no_session_says_why(server: Server, backups: Path) -> None:
    """runtime 7: it said that no snapshot came within 60 s, and said so at once."""
    with leak(server, "backup", "jira", SHARES.backup):
        result = back_up(server, backups)
    assert result.returncode != 0
    assert "jira: the server gave no snapshot: psql: error: connection to server" in result.stderr
    assert 'FATAL:  too many connections for role "backup"' in result.stderr


def test_what_a_migration_makes_belongs_to_the_application(server: Server) -> None:
    """It has a login of its own, and an application that runs must read and write what it made."""
    server.make_roles()
    server.sql("jira", "create type mood as enum ('good'); create table made (mood mood)", user="migration")
    owners = "select distinct tableowner from pg_tables where tablename = 'made'"
    assert server.sql("jira", owners) == "jira"
    server.sql("jira", "insert into made values ('good'); drop table made; drop type mood", user="jira")


def test_the_shares_are_all_that_the_server_has() -> None:
    recorded = declare("uat", {"services.api.database_connections": 20})
    wanted = connections(Services(api=Api(database_connections=20)))
    words = containers(recorded)["postgres"].inputs["entrypoints"]
    assert f"max_connections={wanted.total}" in words
    assert f"superuser_reserved_connections={wanted.administrator}" in words
    roles = commands(recorded)["postgres-roles"].inputs["create"]
    limits = (wanted.jira, wanted.migration, wanted.temporal, wanted.backup, wanted.monitoring)
    assert roles.endswith(" ".join(["bash", "/etc/jira/roles.sh", *map(str, limits), "jira", "temporal"]))
    assert sum(limits) + wanted.administrator == wanted.total


def test_in_a_release_old_and_new_pools_fit_together() -> None:
    services = Services(api=Api(database_connections=12), worker=Worker(database_connections=3))
    assert connections(services).jira == 2 * (12 + 3 + 6) + 5, "and a canary with half of the API's"
    assert connections(services) == Connections(
        jira=47, migration=5, temporal=42, backup=5, monitoring=4, administrator=3
    )


def test_a_canary_comes_without_a_restart_of_the_server() -> None:
    """Which another `max_connections` would take."""
    canary = {"release.canary": {"image": f"example.com/api:1.1.0@sha256:{'1' * 64}", "share": 50}}
    without, with_one = (
        containers(declare("local", changes))["postgres"].inputs["entrypoints"] for changes in ({}, canary)
    )
    assert without == with_one
