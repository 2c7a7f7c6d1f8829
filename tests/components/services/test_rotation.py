"""Another value in place of a secret's: what is declared for it, and on a real server the logins in turns."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.services.logins import login
from components.services.rotated import fingerprint
from components.settings.rotations import Rotations
from rehearsal.declared.packed import files
from rehearsal.declared.platform import commands, declare, declared
from tests.components.services.conftest import PASSWORDS, SERVICES, SHARES, Server, running

PASSWORD = "random:index/randomPassword:RandomPassword"
SHUT = r"password authentication failed|is not permitted to log in"
ANEW = {**PASSWORDS, "jira": "second-of-jira", "temporal": "second-of-temporal"}


def test_logins_take_turns_and_the_owner_is_the_first() -> None:
    assert [login("jira", rotation) for rotation in range(5)] == [
        "jira",
        "jira_a",
        "jira_b",
        "jira_a",
        "jira_b",
    ]


def test_a_stack_that_never_rotated_keeps_what_it_has() -> None:
    for password in declared("prod").of(PASSWORD):
        assert "keepers" not in password.inputs, password.name


def test_another_number_is_another_password_of_that_secret_alone() -> None:
    names = {
        "postgres": "postgres",
        "session": "session-secret",
        "temporal_ui": "temporal-ui",
        **{name: name for name in ("jira", "migration", "temporal", "backup", "monitoring", "admin")},
        **{name: name for name in ("metrics", "grafana")},
    }
    assert set(names) == set(Rotations.model_fields)
    for secret, name in names.items():
        recorded = declare("uat", {f"rotations.{secret}": 3})
        kept = {p.name: p.inputs["keepers"] for p in recorded.of(PASSWORD) if "keepers" in p.inputs}
        keys = {"credentials-grafana-key"} if secret == "grafana" else set()  # it keeps nothing with it
        assert kept == {key: {"rotation": "3"} for key in {f"credentials-{name}", *keys}}
        assert f" {secret}=3:" in commands(recorded)["rotated-noted"].inputs["create"]


def test_who_logs_in_with_another_password_does_so_by_another_name() -> None:
    recorded = commands(declare("uat", {"rotations.jira": 1, "rotations.temporal": 2}))
    for service in ("api", "worker"):
        url = files(recorded[f"{service}-files"])["/run/secrets/DATABASE_URL"]
        assert url.startswith("postgresql://jira_a:canary-credentials-jira@postgres:5432/jira?")
    config = json.loads(files(recorded["temporal-files"])["/etc/temporal/config/server.yaml"])
    stores = config["persistence"]["datastores"].values()
    assert {store["sql"]["user"] for store in stores} == {"temporal_b"}
    assert "--env=SQL_USER=temporal_b" in recorded["temporal-schema"].inputs["create"]
    assert recorded["postgres-roles"].inputs["create"].endswith(" jira_a temporal_b")
    assert recorded["rotated-former"].inputs["create"].endswith(" jira=jira_a temporal=temporal_b")


def test_the_servers_container_stays_when_a_password_is_another() -> None:
    before, after = (commands(declare("uat", changes)) for changes in ({}, {"rotations.jira": 1}))
    assert before["postgres-files"].inputs == after["postgres-files"].inputs
    for command in (before, after):
        assert "triggers" not in command["postgres-passwords"].inputs, "it is written in place"
        assert files(command["postgres-passwords"])["/run/roles/jira"] == "canary-credentials-jira"


def test_a_fingerprint_is_another_for_another_value_and_says_nothing_without_its_key() -> None:
    found = {
        fingerprint(key, name, value) for key in ("k", "l") for name in ("a", "b") for value in ("x", "y")
    }
    assert len(found) == 8
    assert all(len(one) == 12 for one in found)
    create = commands(declared("uat"))["rotated-noted"]
    assert "create" not in create.secrets
    assert "canary" not in create.inputs["create"]


def note(file: Path, *words: str) -> dict[str, str]:
    done = subprocess.run(
        ["sh", str(SERVICES / "rotated.sh"), str(file), *words], capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


def test_the_note_keeps_the_moment_of_what_stays(tmp_path: Path) -> None:
    file = tmp_path / "data" / "rotated"
    first = note(file, "jira=0:aaaa", "admin=0:bbbb", "slack_webhook=0:cccc")
    assert set(first) == {"jira", "admin", "slack_webhook"}
    text = file.read_text().replace(first["jira"], "2020-01-01T00:00:00Z")
    file.write_text(text)
    second = note(file, "jira=0:aaaa", "admin=1:dddd")
    assert second["jira"] == "2020-01-01T00:00:00Z"
    assert set(second) == {"jira", "admin"}, "what is there no more is not told"
    file.write_text(file.read_text().replace(second["admin"], "2020-01-01T00:00:00Z"))
    third = note(file, "jira=1:aaaa", "admin=1:eeee")
    assert third["jira"] == "2020-01-01T00:00:00Z", "the value decides, not the number"
    assert third["admin"] >= first["admin"]
    assert list(tmp_path.rglob("*")) == [file.parent, file]


@pytest.fixture
def used() -> Iterator[Server]:
    """A server that a stack has used by the logins of before: it has tables, and who is in."""
    with running("-c fsync=off", "-c log_statement=all") as server:
        assert server.make_roles().returncode == 0
        server.sql("jira", "create table issues (id int); insert into issues values (1)", user="jira")
        server.sql("temporal", "create table executions (id int)", user="temporal")
        yield server


def owner(server: Server, table: str, database: str = "jira") -> str:
    return server.sql(database, f"select tableowner from pg_tables where tablename = '{table}'")


def test_both_logins_work_until_the_former_is_shut_and_the_data_stay_the_owners(used: Server) -> None:
    done = used.make_roles(ANEW, "jira_a", "temporal_a")
    assert (done.returncode, done.stderr) == (0, "")
    # The containers of before
    assert used.sql("jira", "select count(*) from issues", user="jira") == "1"
    # Those that come up
    new = {"user": "jira_a", "password": ANEW["jira"]}
    assert used.sql("jira", "select session_user, current_user", **new) == "jira_a|jira"
    used.sql(
        "jira",
        "insert into issues values (2); alter table issues add t text; create table made (i int)",
        **new,
    )
    assert owner(used, "made") == "jira"
    assert (
        used.sql("jira", "drop table made; select count(*) from issues", user="jira").splitlines()[-1] == "2"
    )
    other = {"user": "temporal_a", "password": ANEW["temporal"]}
    used.sql("temporal", "alter table executions add t text; create table made (i int)", **other)
    assert (owner(used, "made", "temporal"), owner(used, "executions", "temporal")) == (
        "temporal",
        "temporal",
    )
    with pytest.raises(AssertionError, match="permission denied for database"):
        used.sql("temporal", "select 1", **new)
    limits = used.sql("postgres", "select rolconnlimit from pg_roles where rolname = 'jira_a'")
    assert limits == str(SHARES.jira)

    held = "select count(*) from pg_stat_activity where usename = 'jira' and query like '%pg_sleep%'"
    with subprocess.Popen(
        [
            *("psql", "-X", "-h", "127.0.0.1", "-p", str(used.port), "-U", "jira", "-d", "jira"),
            *("-c", "select pg_sleep(60)"),
        ],
        env={"PATH": "/usr/lib/postgresql/15/bin:/usr/bin:/bin", "PGPASSWORD": PASSWORDS["jira"]},
        stderr=subprocess.PIPE,
        text=True,
    ) as still:
        while used.sql("postgres", held) == "0":
            assert still.poll() is None
        shut = used.shut_former_logins("jira_a", "temporal_a")
        assert (shut.returncode, shut.stderr) == (0, "")
        assert "1 sessions of jira were ended" in shut.stdout
        assert "terminating connection" in still.communicate(timeout=30)[1]
    for user, database in (("jira", "jira"), ("temporal", "temporal")):
        with pytest.raises(AssertionError, match=SHUT):
            used.sql(database, "select 1", user=user)
    assert used.sql("jira", "select count(*) from issues", **new) == "2"
    again = used.shut_former_logins("jira_a", "temporal_a")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    verifiers = (
        "select count(*) from pg_authid where rolname in ('jira', 'temporal') and rolpassword is not null"
    )
    assert used.sql("postgres", verifiers) == "0"


def test_the_roles_are_made_again_without_opening_the_former(used: Server) -> None:
    """As after each restart of the server."""
    used.make_roles(ANEW, "jira_a", "temporal")
    used.shut_former_logins("jira_a", "temporal")
    used.make_roles(ANEW, "jira_a", "temporal")
    with pytest.raises(AssertionError, match=SHUT):
        used.sql("jira", "select 1", user="jira")
    assert used.sql("temporal", "select 1", user="temporal", password=ANEW["temporal"]) == "1"


def test_turn_after_turn_one_is_open(used: Server) -> None:
    opened = (
        "select string_agg(rolname, ' ' order by 1) from pg_roles where rolcanlogin and rolname ~ '^jira'"
    )
    for rotation in (1, 2, 3, 4, 0):
        current, password = login("jira", rotation), f"password-{rotation}"
        assert used.make_roles({**PASSWORDS, "jira": password}, current).returncode == 0
        assert used.shut_former_logins(current, "temporal").returncode == 0
        assert used.sql("postgres", opened) == current
        used.sql("jira", f"insert into issues values ({rotation})", user=current, password=password)
    assert owner(used, "issues") == "jira"
    log = (used.folder / "log").read_text()
    assert "set role to" in log
    assert "password-3" not in log


def test_a_new_server_gets_the_login_of_the_day_and_the_owner_none(used: Server) -> None:
    """As where a stack that has rotated is made anew."""
    with running("-c fsync=off") as server:
        done = server.make_roles(ANEW, "jira_b", "temporal_a")
        assert (done.returncode, done.stderr) == (0, "")
        assert server.sql("jira", "create table t (i int); select 1", user="jira_b", password=ANEW["jira"])
        assert owner(server, "t") == "jira"
        made = server.sql("jira", "create table m (i int); select session_user", user="migration")
        assert made.splitlines()[-1] == "migration"
        can = "select rolname from pg_roles where rolcanlogin and rolname !~ '^pg_' order by 1"
        assert server.sql("postgres", can).split() == [
            *("backup", "jira_b", "migration", "monitoring", "postgres", "temporal_a")
        ]
