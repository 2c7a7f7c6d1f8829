"""The masked export, by the real Postgres and the real restic: of what a row was, nothing leaves."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from components.settings.secrets import MASKED
from rehearsal.declared.packed import files
from rehearsal.declared.platform import commands, containers, declare
from rehearsal.declared.stacks import SECRETS
from tests.components.backup.test_backup import wrap
from tests.components.backup.test_offsite import placed_restic, variables
from tests.components.services.conftest import Server, as_user, give

PASSPHRASE = "another-passphrase-that-is-long"

SCHEMA = Path(__file__).with_name("prisma.sql").read_text()
RULES = {
    "User": {
        "id": "keep",
        "email": "email",
        "displayName": "name",
        "phone": "text",
        "passwordHash": "fixed:$argon2id$nobody's \\ hash",
        "role": "keep",
        "settings": "fixed:{}",
        "apiKeys": "fixed:{}",
        "managerId": "keep",
        "salary": "number",
        "badge": "number",
        "external": "hash",
        "avatar": "hash",
        "createdAt": "keep",
    },
    "Session": {"*": "empty"},
    "Issue": {"id": "keep", "title": "text", "body": "text", "assigneeId": "keep", "words": "keep"},
    "Comment": {"id": "keep", "issueId": "keep", "body": "hash", "sessionId": "null"},
    "Event": {"at": "keep", "who": "email"},
}


def written(rules: dict[str, dict[str, str]]) -> str:
    lines = [(table, column, rule) for table, columns in rules.items() for column, rule in columns.items()]
    return "".join("\t".join(line).replace("\\", "\\\\") + "\n" for line in lines)


class Stack:
    """A stack that exports: its database, its backups, its bucket, and where another one takes it."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.backups, self.bucket = server, folder / "backups", folder / "masked-bucket"
        self.other = folder / "other"
        self.rules = folder / "rules"
        self.restic = placed_restic(server)
        for path in (self.backups, self.other):
            path.mkdir()
        self.rule(RULES)
        give(folder)

    def rule(self, rules: dict[str, dict[str, str]], **columns: dict[str, str | None]) -> None:
        """The rules, with those of some tables changed; None takes one away."""
        changed = {
            table: {
                column: rule
                for column, rule in {**rules.get(table, {}), **columns.get(table, {})}.items()
                if rule is not None
            }
            for table in {**rules, **columns}
        }
        self.rules.write_text(written(changed))

    def variables(self, **changes: str) -> dict[str, str]:
        given = variables(self.server, self.backups, Path("/nowhere"), self.restic)
        given["DATABASES"] = "jira"
        return {
            **given,
            "MASKED_REPOSITORY": str(self.bucket),
            "MASKED_PASSPHRASE": PASSPHRASE,
            "MASKED_RULES": str(self.rules),
            "MASKED_ACCESS_KEY": "masked-access-key",
            "MASKED_SECRET_KEY": "masked-secret-key",
            **changes,
        }

    def run(
        self, *arguments: str, script: str = "masked.sh", **changes: str
    ) -> "subprocess.CompletedProcess[str]":
        return self.server.run("bash", script, *arguments, environment=self.variables(**changes), timeout=300)

    def elsewhere(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        """As the stack does that takes it, which has no rules and backups of its own."""
        return self.run(*arguments, BACKUPS=str(self.other), MASKED_RULES="", **changes)

    def dump(self) -> str:
        done = self.run("scheduled", script="backup.sh")
        assert done.returncode == 0, done.stdout + done.stderr
        (status,) = self.backups.glob("status.json")
        return str(json.loads(status.read_text())["stamp"])

    def reason(self) -> str:
        return str(json.loads((self.backups / "masked-failure.json").read_text())["reason"])

    def names(self) -> list[str]:
        listed = json.loads(self.elsewhere("list").stdout) if self.bucket.exists() else []
        return [tag[5:] for snapshot in listed for tag in snapshot["tags"] if tag.startswith("name=")]

    def sql(self, statement: str, database: str = "jira") -> str:
        return self.server.sql(database, statement)

    def left(self) -> set[str]:
        return {path.name for path in self.backups.iterdir()} - {
            "jira",
            ".lock",
            ".masked.lock",
            ".offsite.lock",
        }


@pytest.fixture(scope="module")
def prepared(server: Server) -> Server:
    assert server.make_roles().returncode == 0
    server.sql("jira", SCHEMA)
    server.sql("postgres", "alter database jira set jira_plus_plus.release = 'image-of-prod'")
    server.sql("postgres", "alter database jira set app.token = 'canary-in-a-setting'")
    return server


@pytest.fixture
def stack(prepared: Server) -> Stack:
    folder = prepared.folder / "masked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    give(folder)
    return Stack(prepared, folder)


@pytest.fixture
def dumped(stack: Stack) -> Stack:
    """With a dump of the schedule's, which is made once."""
    made = stack.server.folder / "made-to-mask"
    if not made.exists():
        stack.dump()
        shutil.copytree(stack.backups, made)
    else:
        shutil.copytree(made, stack.backups, dirs_exist_ok=True)
    give(stack.backups)
    return stack


def test_of_what_a_row_was_nothing_arrives(dumped: Stack) -> None:
    assert dumped.run("due").returncode == 0
    done = dumped.run("export")
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    (name,) = dumped.names()
    (source,) = (dumped.backups / "jira").glob("*.dump")
    assert name == f"{source.stem[:18]}-masked"
    assert dumped.run("due").returncode != 0
    assert dumped.left() == {"status.json", "masked.json", "masked-key"}

    fetched = dumped.elsewhere("fetch", name, "jira")
    assert fetched.returncode == 0, fetched.stderr
    (dump,) = (dumped.other / ".masked" / "jira").glob("*.dump")
    server = dumped.server
    printed = server.run("pg_restore", "--create", "--file=-", str(dump)).stdout
    assert "CREATE TABLE" in printed
    for text in (printed, dump.read_bytes().decode("latin1"), dump.with_suffix(".content").read_text()):
        assert "canary" not in text.lower()
    assert "canary" in server.run("pg_restore", "--file=-", str(source)).stdout, "which a search would find"
    server.sql("postgres", "drop database if exists arrived")
    server.sql("postgres", "create database arrived template template0")
    restored = server.run(
        *("pg_restore", "-h", str(server.folder), "-p", str(server.port), "-U", "postgres"),
        *("--exit-on-error", "-d", "arrived", str(dump)),
    )
    assert restored.returncode == 0, restored.stderr

    def at(statement: str) -> str:
        return server.sql("arrived", statement)

    assert at('select count(*), count(distinct email), count(distinct badge) from "User"') == "500|500|500"
    assert re.fullmatch(
        r"user-[0-9a-f]{16}@example\.invalid", at("select email from \"User\" where id = 'u9'")
    )
    assert re.fullmatch(r"Name [0-9a-f]{12}", at('select "displayName" from "User" where id = \'u9\''))
    assert at("select phone from \"User\" where id = 'u7'") == ""
    assert at('select distinct "passwordHash" from "User"') == "$argon2id$nobody's \\ hash"
    assert at('select count(*) from "Session"') == "0"
    assert at('select count(*), count("sessionId") from "Comment"') == "3000|0"
    assert at('select count(*) from "Issue" i join "User" u on u.id = i."assigneeId"') == "2000"
    assert at('select count(*) from "Event" e join "User" u on u.email = e.who') == "100", (
        "one value, one mask"
    )
    assert at("select count(*) from pg_largeobject_metadata") == "0"
    assert at("select count(*) from names where \"displayName\" like 'Name %'") == "500"
    assert at("select count(*) from \"Issue\" where words @@ to_tsquery('canary')") == "0"
    assert "image-of-prod" in printed
    before = server.sql("jira", "select string_agg(salary::text, ',' order by id) from \"User\"").split(",")
    after = at("select string_agg(salary::text, ',' order by id) from \"User\"").split(",")
    assert not [pair for pair in zip(before, after, strict=True) if float(pair[0]) == float(pair[1])]


def test_the_same_row_has_the_same_mask_in_the_next_night_and_another_one_elsewhere(stack: Stack) -> None:
    def email() -> str:
        name = stack.names()[-1]
        assert stack.elsewhere("fetch", name, "jira").returncode == 0
        (dump,) = (stack.other / ".masked" / "jira").glob("*.dump")
        text = stack.server.run("pg_restore", "--data-only", "--table=User", "--file=-", str(dump)).stdout
        return re.findall(r"^u9\t(\S+)", text, re.MULTILINE)[0]

    seen = []
    for night in range(3):
        stack.dump()
        if night == 2:
            (stack.backups / "masked-key").unlink()  # as on another machine
        assert stack.run("export").returncode == 0
        seen.append(email())
        time.sleep(1)  # names have seconds
    assert seen[0] == seen[1] != seen[2]


def stops(stack: Stack, words: str, **changes: str) -> None:
    """The export fails with these words, leaves nothing, and what was exported before stays."""
    before = stack.names()
    done = stack.run("export", **changes)
    print(done.stderr)
    assert done.returncode != 0
    assert words in stack.reason(), stack.reason()
    assert stack.names() == before
    assert stack.left() <= {
        *("status.json", "masked.json", "masked-key", "masked-failure.json", "masked-refused")
    }
    assert "canary" not in stack.reason().lower()


def test_a_column_that_no_rule_names_stops_the_export_until_there_is_one(stack: Stack) -> None:
    stack.dump()
    assert stack.run("export").returncode == 0
    first = stack.names()
    stack.sql("alter table \"User\" add nickname text default 'canary'")
    try:
        time.sleep(1)
        stack.dump()
        stops(
            stack,
            "backup.masked.rules.User.nickname: got nothing; the column User.nickname (text) has no rule; "
            "write keep, null, empty, email, name, text, hash, number or fixed:<value>",
        )
        assert stack.run("due").returncode != 0, "it would be the same again"
        assert stack.run("export").returncode != 0, "which who asks for it is told"
        stack.rule(RULES, User={"nickname": "text"})
        assert stack.run("due").returncode == 0
        done = stack.run("export")
        assert done.returncode == 0, done.stderr
        assert not list(stack.backups.glob("masked-[fr]*"))
        assert len(stack.names()) == 1, "what other rules masked is gone"
        assert stack.names() != first
    finally:
        stack.sql('alter table "User" drop nickname')


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Session": {"*": None}}, "rules.Session: got nothing; the table Session has no rule"),
        ({"Sesion": {"*": "empty"}}, "rules.Sesion: is no table any more, or not yet; if it was renamed"),
        ({"User": {"nick": "keep"}}, "rules.User.nick: is no column any more, or not yet; if it was renamed"),
        (
            {"User": {"settings": "text"}},
            "rules.User.settings: got text; fits no column of jsonb; use keep, null or fixed",
        ),
        (
            {"User": {"apiKeys": "hash"}},
            "rules.User.apiKeys: got hash; fits no column of text[]; use keep, null or",
        ),
        (
            {"User": {"salary": "email"}},
            "fits no column of numeric(10,2); use keep, null, number or fixed:<value>",
        ),
        ({"User": {"id": "hash"}}, "rules.User.id: got hash; is part of the foreign key"),
        (
            {"Issue": {"assigneeId": "hash"}},
            "got hash; is part of the foreign key Issue_assigneeId_fkey; use keep or null",
        ),
        ({"User": {"email": "null"}}, "rules.User.email: got null; is never null"),
        (
            {"User": {"email": "fixed:x@example.com"}},
            "rules.User.email: got fixed:x@example.com; must differ in each row",
        ),
        ({"User": {"displayName": "email"}}, "has room for 20 characters, and a masked address has 37"),
        ({"Issue": {"words": "null"}}, "is generated from other columns, whose rules it follows; use keep"),
        (
            {"Comment": {"sessionId": "keep"}},
            "rules.Session: got empty; rows of Comment refer to it by the foreign key",
        ),
        (
            {"Event": {"who": "keep"}},
            "public.Event_2026 holds addresses that are masked elsewhere, in 100 lines",
        ),
        (
            {"User": {"role": "fixed:NOBODY"}},
            "rules.User.role: got fixed:NOBODY; is no value of the column: invalid input value for enum",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_rule_that_does_not_fit_is_told_in_one_line(
    dumped: Stack, changes: dict[str, dict[str, str | None]], words: str
) -> None:
    dumped.rule(RULES, **changes)
    stops(dumped, words)


def test_a_trigger_that_fires_in_spite_of_all_is_refused(stack: Stack) -> None:
    stack.sql('alter table "User" enable always trigger note')
    try:
        stack.dump()
        stops(stack, "rules.User: the trigger note fires even while rows are masked")
    finally:
        stack.sql('alter table "User" enable trigger note')


def test_a_mask_that_lets_a_value_through_is_found_out(dumped: Stack) -> None:
    """As by a mistake in the masks: they are made to be what they mask."""
    path = dumped.server.folder / "masking.sql"
    good = path.read_text()
    path.write_text(
        good.replace("left('' || initcap(rule)", "x")
        .replace("left(pg_temp.masked(%1$I::text), 12)", "%1$I::text")
        .replace("left(''' || initcap(rule) || ' '' ||", "left('''' ||")
    )
    assert path.read_text() != good
    try:
        stops(dumped, " values that it had before")
    finally:
        path.write_text(good)


def test_the_other_side_has_no_key_to_what_is_not_masked(dumped: Stack) -> None:
    """Another bucket and another passphrase: with UAT's, prod's copies are closed."""
    copies = dumped.backups.parent / "copies"
    pushed = dumped.run("push", script="offsite.sh", RESTIC_REPOSITORY=str(copies))
    assert pushed.returncode == 0, pushed.stderr
    assert dumped.run("export").returncode == 0
    tried = dumped.elsewhere("list", MASKED_REPOSITORY=str(copies))
    assert tried.returncode != 0
    assert "encrypted with another passphrase than masked_passphrase" in tried.stderr
    name = dumped.names()[0]
    assert dumped.run("fetch", name, "jira").returncode != 0, "prod takes none"


def test_a_bucket_that_is_away_fails_the_export_and_no_dump(dumped: Stack) -> None:
    away = "s3:http://127.0.0.1:9/masked"
    done = dumped.run("export", MASKED_REPOSITORY=away, OPEN_SECONDS="5")
    assert done.returncode != 0
    assert "the repository cannot be opened: asked for 5 s in vain" in dumped.reason()
    assert dumped.left() <= {"status.json", "masked-key", "masked-failure.json"}
    time.sleep(1)
    dumped.dump()
    assert dumped.run("export").returncode == 0


@pytest.mark.nightly
@pytest.mark.parametrize("moment", ["pg_restore", "pg_dump", "restic"])
def test_an_export_that_was_killed_leaves_nothing_that_the_next_does_not_sweep(
    dumped: Stack, moment: str
) -> None:
    mark = dumped.server.folder / f"reached-{moment}"
    if moment == "restic":
        slow = f'[[ " $* " != *" backup "* ]] || {{ touch {mark}; sleep 30 >/dev/null 2>&1; }}'
        path = wrap(dumped.server, "restic", f'{slow}; exec {dumped.restic} "$@"')
    else:
        path = wrap(dumped.server, moment, f'touch {mark}; sleep 30 >/dev/null 2>&1; exec {{real}} "$@"')
        path += f":{dumped.restic.parent}"
    process = subprocess.Popen(
        [*as_user(), "bash", "masked.sh", "export"],
        env=dumped.variables(PATH=path),
        cwd=dumped.server.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (dumped.backups / "masked.json").exists()
    assert dumped.names() == []
    dumped.dump()  # which meets the rest of the cluster
    done = dumped.run("export")
    assert done.returncode == 0, done.stderr
    assert dumped.names()[-1] == json.loads((dumped.backups / "masked.json").read_text())["name"]
    assert dumped.left() == {"status.json", "masked.json", "masked-key"}


@pytest.mark.nightly
def test_the_last_three_stay(stack: Stack) -> None:
    for _ in range(4):
        stack.dump()
        assert stack.run("export").returncode == 0
        time.sleep(1)
    assert len(stack.names()) == 3


def test_a_database_that_has_no_tables_yet_is_nothing_to_export(stack: Stack) -> None:
    """A stack that was just made: its first dump is from before its first migration."""
    stack.server.sql("postgres", "create database nothing_yet owner jira")
    try:
        environment = {**stack.variables(), "DATABASES": "nothing_yet"}
        done = stack.server.run("bash", "backup.sh", "scheduled", environment=environment)
        assert done.returncode == 0, done.stderr
        assert stack.server.run("bash", "masked.sh", "due", environment=environment).returncode != 0
        assert stack.server.run("bash", "masked.sh", "export", environment=environment).returncode == 0
        assert not list(stack.backups.glob("masked-failure*"))
        environment |= {"RESTIC_REPOSITORY": "", "LIFE_SECONDS": "0"}
        health = stack.server.run("bash", "healthcheck.sh", environment=environment)
        assert (health.returncode, health.stdout.splitlines()[-1]) == (
            0,
            "its masked export comes with the first tables",
        )
    finally:
        stack.server.sql("postgres", "drop database nothing_yet")


def test_too_little_room_is_said_and_leaves_the_disk_to_others(dumped: Stack) -> None:
    stops(dumped, "masking jira, a database of", RESERVE_MB="99999999")
    assert "keep fewer dumps (backup.retention), or free some of it" in dumped.reason()


def test_rows_without_an_address_are_exported_as_well(dumped: Stack) -> None:
    """More than a pipe takes at once, in which nothing is looked for."""
    dumped.rule(RULES, User={"email": "text"}, Event={"who": "text"})
    done = dumped.run("export")
    assert done.returncode == 0, dumped.reason()


def test_the_health_is_that_of_the_export_as_well(dumped: Stack) -> None:
    def health(**changes: str) -> tuple[int, str]:
        done = dumped.run(script="healthcheck.sh", RESTIC_REPOSITORY="", **changes)
        return done.returncode, done.stdout.splitlines()[-1]

    status = dumped.backups / "status.json"
    status.write_text(re.sub(r'("finished": )\d+', rf"\g<1>{int(time.time())}", status.read_text()))
    assert health() == (0, "its masked export comes next")
    assert health(LIFE_SECONDS="0")[0] == 1
    key = dumped.backups / "masked-key"
    key.write_text("key")
    (dumped.backups / "masked-failure.json").write_text('{"at": 1, "reason": "a column"}')
    assert health(LIFE_SECONDS="0") == (0, "no masked export was finished yet; since then: a column")
    os.utime(key, (1, 1))
    assert health(LIFE_SECONDS="0") == (1, "no masked export was finished yet; since then: a column")
    (dumped.backups / "masked-failure.json").unlink()
    (dumped.backups / "masked-running").write_text(f"{int(time.time())}")
    code, said = health(LIFE_SECONDS="1000", MAXIMUM_AGE_HOURS="26")
    assert code == 0, said
    (dumped.backups / "masked-running").unlink()
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    (dumped.backups / "masked.json").write_text(json.dumps({"name": f"{stamp}-masked", "finished": 1}))
    (dumped.backups / "masked-failure.json").write_text('{"at": 1, "reason": "a column"}')
    assert health() == (0, "the last good masked export is 0 h old; since then: a column")
    old = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime(time.time() - 30 * 3600))
    (dumped.backups / "masked.json").write_text(json.dumps({"name": f"{old}-masked", "finished": 1}))
    assert health() == (1, "the last good masked export is 30 h old; since then: a column")


BUCKET = {"endpoint": "https://nbg1.your-objectstorage.com", "bucket": "masked-rows"}
EXPORTS = {f"backup.masked.{name}": value for name, value in {**BUCKET, "rules": RULES}.items()}
TAKES = {
    "backup.reset.source": "masked",
    **{f"backup.reset.masked.{name}": value for name, value in BUCKET.items()},
}


@pytest.mark.parametrize(
    ("stack", "changes", "entrypoint"),
    [
        ("prod", {**EXPORTS, "backup.offsite": None}, "with-copies.sh"),
        ("prod", EXPORTS, "with-copies.sh"),
        ("uat", TAKES, "scheduler.sh"),
    ],
    ids=["exports alone", "exports and copies", "takes"],
)
def test_the_keys_reach_the_container_of_the_backup_alone(
    stack: str, changes: dict[str, object], entrypoint: str
) -> None:
    platform = declare(stack, changes)
    holders = {
        name
        for name, command in commands(platform).items()
        if "unpack <<'FILES'" in command.inputs.get("stdin", "")
        and any(SECRETS[key] in files(command).values() for key in MASKED)
    }
    assert holders == {"backup-files"}
    backup = containers(platform)["backup"].inputs
    assert f"/etc/jira/{entrypoint}" in backup["entrypoints"]
    assert "MASKED_REPOSITORY=s3:https://nbg1.your-objectstorage.com/masked-rows/masked" in backup["envs"]
    assert ("MASKED_RULES=/etc/jira-masked/rules" in backup["envs"]) is (stack == "prod")
    assert "/opt/restic" in json.dumps(backup["mounts"])
