"""The database: how it is started, and its roles, made by the real script on a real server."""

import pytest

from components.services.postgres import arguments, roles
from rehearsal.declared.platform import containers, declared
from tests.components.services.conftest import PASSWORDS, SHARES, Server


def test_the_command_line_follows_from_the_memory() -> None:
    assert arguments(768, SHARES) == (
        "postgres",
        *("-c", "listen_addresses=*"),
        *("-c", "max_connections=114"),
        *("-c", "superuser_reserved_connections=3"),
        *("-c", "shared_buffers=192MB"),
        *("-c", "effective_cache_size=480MB"),
        *("-c", "maintenance_work_mem=48MB"),
        *("-c", "work_mem=3MB"),
        *("-c", "wal_compression=on"),
        *("-c", "random_page_cost=1.1"),
        *("-c", "password_encryption=scram-sha-256"),
        *("-c", "idle_in_transaction_session_timeout=10min"),
        *("-c", "log_line_prefix=%m [%p] %u@%d "),
        *("-c", "log_min_duration_statement=1s"),
        *("-c", "log_lock_waits=on"),
    )
    assert "shared_buffers=512MB" in arguments(2048, SHARES)


def test_the_least_memory_is_enough_for_its_settings(server: Server) -> None:
    result = server.run(*arguments(256, SHARES), "-D", "data", "-C", "shared_buffers")
    assert result.stdout.strip() == "8192", f"8192 pages of 8 kB: {result.stderr}"


def test_it_is_healthy_only_over_tcp_so_that_initdb_does_not_count() -> None:
    health = containers(declared("uat"))["postgres"].inputs["healthcheck"]
    assert health["tests"] == [
        "CMD",
        "pg_isready",
        "-q",
        "-h",
        "127.0.0.1",
        "-U",
        "postgres",
        "-d",
        "postgres",
    ]


def test_it_reads_its_password_from_a_file_and_sorts_as_no_libc_update_changes() -> None:
    environment = containers(declared("uat"))["postgres"].inputs["envs"]
    assert "POSTGRES_PASSWORD_FILE=/run/roles/postgres" in environment
    assert any("--locale=C.UTF-8" in value and "--data-checksums" in value for value in environment)


def test_roles_and_databases_are_made_and_made_again(server: Server) -> None:
    for _ in range(2):
        result = server.make_roles()
        assert (result.returncode, result.stderr) == (0, "")
    owners = server.sql(
        "postgres",
        "select datname, pg_get_userbyid(datdba) from pg_database where not datistemplate order by 1",
    )
    assert owners.splitlines() == [
        "jira|jira",
        "postgres|postgres",
        "temporal|temporal",
        "temporal_visibility|temporal",
    ]


def test_each_role_logs_in_with_its_secret_and_into_its_own_database_alone(server: Server) -> None:
    server.make_roles()
    assert server.sql("jira", "select current_user", user="jira") == "jira"
    assert server.sql("temporal_visibility", "select 1", user="temporal") == "1"
    assert server.sql("jira", "select session_user", user="migration") == "migration"
    for user, database in (
        ("jira", "temporal"),
        ("jira", "postgres"),
        ("migration", "temporal"),
        ("temporal", "jira"),
    ):
        with pytest.raises(AssertionError, match="permission denied for database"):
            server.sql(database, "select 1", user=user)
    with pytest.raises(AssertionError, match="password authentication failed"):
        server.sql("jira", "select 1", user="jira", password="wrong")


def test_the_application_may_do_in_its_database_what_a_migration_does(server: Server) -> None:
    server.make_roles()
    server.sql(
        "jira", "create extension if not exists citext; create table t (i int); drop table t", user="jira"
    )


def test_no_role_but_the_superuser_has_power_over_others(server: Server) -> None:
    server.make_roles()
    powers = server.sql(
        "postgres",
        "select rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls from pg_roles"
        " where rolname in ('jira', 'migration', 'temporal', 'backup', 'monitoring') order by 1",
    )
    assert powers.splitlines() == [
        "backup|f|f|f|t",
        "jira|f|f|f|f",
        "migration|f|f|f|f",
        "monitoring|f|f|f|f",
        "temporal|f|f|f|f",
    ]


def test_the_backup_reads_everything_and_writes_nothing(server: Server) -> None:
    server.make_roles()
    server.sql("jira", "create table if not exists r (i int); insert into r values (1)", user="jira")
    assert int(server.sql("jira", "select count(*) from r", user="backup")) >= 1
    with pytest.raises(AssertionError, match="permission denied"):
        server.sql("jira", "delete from r", user="backup")


def test_who_tells_metrics_sees_what_every_role_does_and_no_row(server: Server) -> None:
    server.make_roles()
    server.sql("jira", "create table if not exists r (i int)", user="jira")
    watched = {"user": "monitoring", "database": "postgres"}
    assert int(server.sql(statement="select pg_database_size('jira')", **watched)) > 0
    assert int(server.sql(statement="select count(*) from pg_ls_waldir()", **watched)) > 0
    hidden = "select count(*) from pg_stat_activity where query = '<insufficient privilege>'"
    assert server.sql(statement=hidden, **watched) == "0"
    with pytest.raises(AssertionError, match="permission denied for database"):
        server.sql("jira", "select * from r", user="monitoring")
    with pytest.raises(AssertionError, match="permission denied"):
        server.sql(statement="create table public.t (i int)", **watched)
    with pytest.raises(AssertionError, match="must be a superuser"):
        server.sql(
            statement="select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
            **watched,
        )


def test_a_database_with_other_passwords_gets_ours(server: Server) -> None:
    server.make_roles({name: f"another-{name}" for name in PASSWORDS})
    assert server.sql("jira", "select 1", user="jira", password="another-jira") == "1"
    server.make_roles()
    assert server.sql("jira", "select 1", user="jira") == "1"
    assert server.sql("postgres", "select 1") == "1", "the superuser's password, too"


def test_no_password_reaches_the_servers_log_though_it_logs_every_statement(server: Server) -> None:
    server.make_roles()
    log = (server.folder / "log").read_text()
    assert "create database" in log, "the log holds the statements"
    for password in PASSWORDS.values():
        assert password not in log


def test_a_password_may_hold_quotes(server: Server) -> None:
    odd = """it's "odd" \\ $x"""
    assert server.make_roles({**PASSWORDS, "jira": odd}).returncode == 0
    assert server.sql("jira", "select 1", user="jira", password=odd) == "1"
    server.make_roles()


def test_a_failure_fails_the_script(server: Server) -> None:
    missing = server.folder / "secrets" / "temporal"
    server.make_roles()
    missing.unlink()
    environment = {
        "PGHOST": str(server.folder),
        "PGPORT": str(server.port + 1),
        "SECRETS_FOLDER": str(missing.parent),
    }
    assert server.run("bash", "roles.sh", *roles(SHARES)[2:], environment=environment).returncode != 0
