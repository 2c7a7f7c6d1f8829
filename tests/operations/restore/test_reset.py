"""A reset: from the seed, and from what another stack has exported masked, by the real scripts and restic."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from operations.reset import Refused, Reset, act, main, source_of
from operations.restore import NoSource
from tests.components.backup.test_masked import PASSPHRASE, SCHEMA, Stack
from tests.components.services.conftest import Server, give
from tests.operations.restore.conftest import Place, dumped, place
from tests.operations.restore.test_restore import COMMANDS, copy, deployment, local

__all__ = ["dumped", "local", "place"]

ALL = ("jira", "temporal", "temporal_visibility")
SEEDED = (
    'psql -qXc "create table if not exists issues (id int)" -c "insert into issues select * '
    "from generate_series(1, 3)"
    ' where not exists (select from issues)" jira'
)


@pytest.fixture
def stack(place: Place) -> Place:
    """With workflows, and the program's commands that make everything anew."""
    for name in ALL[1:]:
        place.server.sql(name, "drop table if exists executions; create table executions (id int)")
    place.step("temporal-schema", "psql -qXc 'create table if not exists schema_version (id int)' temporal")
    place.step(
        "temporal-namespace", 'echo "namespace $(docker ps --filter label=jira-plus-plus.service=worker)"'
    )
    place.step("migration", SEEDED)
    place.step(
        "migration-record", """psql -qXc "alter database jira set jira_plus_plus.release = 'runs'" postgres"""
    )
    return place


def aside(place: Place) -> list[str]:
    return [name for name in place.databases() if "_before_" in name]


def test_from_the_seed_all_begins_anew_and_temporal_knows_of_nothing(stack: Place) -> None:
    done = stack.restore("seed", ALL)
    assert done.returncode == 0, done.stdout
    assert stack.issues() == 3
    assert (
        stack.server.sql("temporal", "select to_regclass('executions'), to_regclass('schema_version')")
        == "|schema_version"
    )
    assert stack.server.sql("jira", "show jira_plus_plus.release") == "runs"
    owner = "select pg_get_userbyid(datdba) from pg_database where datname in ('jira', 'temporal') order by 1"
    assert stack.server.sql("postgres", owner) == "jira\ntemporal"
    assert stack.asked() == [
        "stop temporal-1 worker-1 api-1 api-2",
        "start temporal-1",
        "start worker-1 api-1 api-2",
    ]
    assert "namespace \n" in done.stdout, "before the worker runs, which waits for it"
    assert re.search(r"uat is reset from seed, in \d+ s", done.stdout)
    assert len(aside(stack)) == 3
    print(done.stdout)


def test_a_reset_drops_what_the_reset_before_it_has_set_aside_and_nothing_else(stack: Place) -> None:
    assert stack.restore().returncode == 0
    (by_hand,) = aside(stack)
    first = stack.restore("seed", ALL)
    assert first.returncode == 0, first.stdout
    former = set(aside(stack)) - {by_hand}
    assert len(former) == 3
    time.sleep(1)
    second = stack.restore("seed", ALL)
    assert second.returncode == 0, second.stdout
    left = set(aside(stack))
    assert by_hand in left
    assert len(left) == 4
    assert not left & former
    assert second.stdout.count("which the reset before has set aside") == 3


def test_what_a_reset_has_set_aside_is_not_dropped_once_it_serves_again(stack: Place) -> None:
    assert stack.restore("seed", ALL).returncode == 0
    before = next(name for name in aside(stack) if name.startswith("jira")).removeprefix("jira_")
    time.sleep(1)
    assert stack.restore(before, ALL).returncode == 0
    assert stack.issues() == 10
    time.sleep(1)
    assert stack.restore().returncode == 0
    (by_hand,) = [name for name in aside(stack) if name.startswith("jira") and stack.issues(name) == 10]
    assert stack.restore("seed", ALL).returncode == 0
    assert by_hand in aside(stack)


@pytest.mark.parametrize("step", ["migration", "temporal-schema", "temporal-namespace"])
def test_a_reset_that_fails_puts_back_what_was_there(stack: Place, step: str) -> None:
    stack.step(step, "echo P3009 >&2; exit 1")
    done = stack.restore("seed", ALL)
    assert done.returncode == 1
    assert "going back to what was there" in done.stdout
    assert stack.issues() == 10
    assert stack.databases() == [*ALL]
    assert stack.server.sql("temporal", "select to_regclass('executions')") == "executions"
    assert "worker-1" in stack.running()


@pytest.fixture(scope="module")
def exported(server: Server) -> Stack:
    """What prod has exported; its database is in another one's place afterwards."""
    assert server.make_roles().returncode == 0
    server.sql("jira", SCHEMA)
    folder = server.folder / "prod"
    folder.mkdir()
    give(folder)
    prod = Stack(server, folder)
    prod.dump()
    done = prod.run("export")
    assert done.returncode == 0, done.stderr
    server.sql("jira", "drop schema public cascade; create schema public authorization jira")
    server.sql("jira", "select lo_unlink(oid) from pg_largeobject_metadata")
    return prod


@pytest.fixture
def taking(exported: Stack, stack: Place) -> Place:
    """A stack that takes what was exported: its container has that bucket's keys, and no others."""
    shim = stack.folder / "shim"
    shim.write_text("shift\nexport DATABASES='jira temporal temporal_visibility'\nexec \"$@\"\n")
    programs = stack.environment["PATH"]
    stack.changes |= {
        "BACKUPS": str(stack.backups),
        "MASKED_PASSPHRASE": PASSPHRASE,
        "MASKED_REPOSITORY": str(exported.bucket),
        "PATH": f"{programs}:{exported.restic.parent}",
        "SHIM": str(shim),
    }
    stack.step("migration", "psql -qXAtc 'select count(*) from \"Issue\"' jira >$PLACE/migrated")
    return stack


def test_from_masked_rows_they_serve_and_nothing_else_does(exported: Stack, taking: Place) -> None:
    (name,) = exported.names()
    done = taking.restore(name, ALL)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    assert (taking.folder / "migrated").read_text() == "2000\n"
    assert (
        taking.server.sql("jira", "select count(*) from \"User\" where email like 'user-%@example.invalid'")
        == "500"
    )
    assert (
        "canary"
        not in taking.server.run(
            "pg_dump",
            "-h",
            str(taking.server.folder),
            "-p",
            str(taking.server.port),
            "-U",
            "postgres",
            "jira",
        ).stdout.lower()
    )
    assert taking.server.sql("temporal", "select to_regclass('executions')") == ""
    assert not (taking.backups / ".masked").exists(), "it is no dump of this stack's"
    assert re.search(rf"uat is reset from {name}, in \d+ s", done.stdout)


def test_an_export_that_cannot_be_opened_changes_nothing(exported: Stack, taking: Place) -> None:
    (name,) = exported.names()
    taking.changes["MASKED_PASSPHRASE"] = "not-the-one-that-is-right"
    done = taking.restore(name, ALL)
    assert done.returncode == 1
    assert "encrypted with another passphrase than masked_passphrase" in done.stdout
    assert f"jira: {name} could not be fetched" in done.stdout
    assert taking.issues() == 10
    assert taking.asked() == []
    assert taking.databases() == [*ALL]


def test_a_damaged_export_changes_nothing(exported: Stack, taking: Place, tmp_path: Path) -> None:
    (name,) = exported.names()
    bucket = taking.server.folder / "damaged"
    shutil.rmtree(bucket, ignore_errors=True)
    shutil.copytree(exported.bucket, bucket)
    pack = max((bucket / "data").glob("*/*"), key=lambda path: path.stat().st_size)
    raw = bytearray(pack.read_bytes())
    raw[100] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(raw)
    give(bucket)
    taking.changes["MASKED_REPOSITORY"] = str(bucket)
    assert taking.restore(name, ALL).returncode == 1
    assert taking.issues() == 10
    assert taking.databases() == [*ALL]


# ── what the command understands, says and refuses


def written(root: Path, **sections: Any) -> Path:
    config = {f"jira-plus-plus:{name}": value for name, value in sections.items()}
    (root / "Pulumi.uat.yaml").write_text(yaml.safe_dump({"config": config}))
    return root


BUCKET = {"endpoint": "https://nbg1.your-objectstorage.com", "bucket": "masked-rows"}


@pytest.mark.parametrize(
    ("sections", "wanted", "found"),
    [
        ({}, "", None),
        ({"backup": {"schedule": "02:00"}}, "masked", None),
        ({"backup": {"reset": {"source": "masked", "masked": BUCKET}}}, "", "masked"),
        (
            {"backup": {"reset": {"source": "masked", "masked": BUCKET}}, "application": {"seed_data": True}},
            "seed",
            "seed",
        ),
    ],
)
def test_the_stack_file_says_from_where(
    tmp_path: Path, sections: dict[str, Any], wanted: str, found: str | None
) -> None:
    assert source_of(written(tmp_path, **sections), "uat", wanted) == found


@pytest.mark.parametrize(
    ("sections", "wanted", "said"),
    [
        (
            {"host": {"protected": True}, "backup": {"reset": {"source": "seed"}}},
            "",
            "host.protected: uat is protected",
        ),
        ({"host": {"volume": {"protected": True}}}, "", "host.protected: uat is protected"),
        ({"backup": {"reset": {"source": "seed"}}}, "", "application.seed_data: got false"),
        (
            {"backup": {"reset": {"source": "seed"}}},
            "masked",
            "backup.reset.masked: got nothing; uat has no bucket",
        ),
        ({"backup": {"reset": {"source": "seed"}}}, "prod", "FROM: got prod; must be seed or masked"),
    ],
)
def test_what_must_not_be_reset_is_refused_with_the_key(
    tmp_path: Path, sections: dict[str, Any], wanted: str, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        source_of(written(tmp_path, **sections), "uat", wanted)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--yes", "--if-set"], 0, "uat has no backup.reset: nothing is reset"),
        (["--yes"], 1, "backup.reset: got nothing; uat is not to be reset; to allow it, add backup.reset"),
    ],
)
def test_by_night_a_stack_that_wants_no_reset_is_no_error(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr("operations.reset.ROOT", written(tmp_path))
    monkeypatch.setattr("sys.argv", ["reset", "--stack", "uat", *flags])
    assert main() == code
    assert said in "".join(capsys.readouterr())


def with_namespace(**changes: str | None) -> Any:
    made: SimpleNamespace = deployment(**{"temporal-namespace": "E", **changes})
    return made


def listing(local: Path, text: str) -> None:
    (local / "listing").write_text(text)


MASKED_COPIES = [
    {**copy("2026-11-27T020000Z-masked", "masked", jira=5), "time": "2026-11-27T02:10:00Z"},
    copy("2026-11-28T020000Z-masked", "masked", jira=3145728),
]
for snapshot in MASKED_COPIES:
    snapshot["tags"].append("rules=0a1b2c3d")


def test_it_says_what_it_will_do_and_does_nothing_unless_the_name_is_typed(
    local: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "prod")
    listing(local, json.dumps(MASKED_COPIES))
    assert act(Reset(with_namespace()), "masked", sure=False) == 1
    said = capsys.readouterr().out
    assert "uat: all data anew, from masked rows as at 2026-11-28 02:00:00 UTC, " in said
    assert "(2026-11-28T020000Z-masked, 3.0 MB)" in said
    assert "Temporal begins empty" in said
    assert said.endswith("not reset\n")
    assert not (local / "jira-plus-plus").exists()


@pytest.mark.parametrize(("source", "name"), [("masked", "2026-11-28T020000Z-masked"), ("seed", "seed")])
def test_the_script_runs_at_the_server_with_the_programs_own_commands(
    local: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, source: str, name: str
) -> None:
    script = local / "restore.sh"
    script.write_text('cd "$(dirname "$0")"; echo "$@"; cat roles temporal-namespace; echo; echo 0 >code')
    monkeypatch.setattr("operations.restore.SCRIPT", script)
    listing(local, json.dumps(MASKED_COPIES))
    assert act(Reset(with_namespace()), source, sure=True) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [f"uat {name}  {' '.join(ALL)}", "RE"]
    assert set(COMMANDS) < set(Reset.following)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("[]\n", "nothing was exported to backup.reset.masked yet"),
        (
            "2026 ERROR: the masked copies could not be listed: no answer\n",
            "could not be listed: no answer; `make deploy",
        ),
        (
            "bash: /etc/jira/masked.sh: No such file or directory\n",
            "masked.sh: No such file or directory; `make deploy",
        ),
        ("", "cannot list masked rows: it does not run; `make deploy STACK=uat`"),
    ],
)
def test_an_export_that_is_not_there_is_said_with_what_to_do(local: Path, listed: str, said: str) -> None:
    listing(local, listed)
    with pytest.raises(NoSource) as raised:
        Reset(with_namespace()).newest()
    assert said in str(raised.value)
