"""Drills, with the real restic and Postgres: the newest copy is restored as if nothing else were left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.declared.platform import containers, declared
from tests.components.backup.test_backup import begin
from tests.components.backup.test_offsite import (
    PROGRAMS,
    Run,
    backed_up,
    bucket,
    health,
    offsite,
    restic,
    variables,
)
from tests.components.services.conftest import Server, as_user, give, on_trial

__all__ = ["bucket", "offsite", "restic"]

DRILL = {"DRILL_COPIES_DAYS": "7", "ROLES": "postgres jira migration temporal backup monitoring"}
LEFT = {".lock", ".offsite.lock", ".drill.lock", "offsite.json", "status.json", "drill-copies.json", "drills"}
DATABASES = ("jira", "temporal", "temporal_visibility")


def drill(offsite: Run, verb: str = "run", **changes: str) -> subprocess.CompletedProcess[str]:
    return offsite(verb, "copies", script="drill.sh", **DRILL | changes)


def evidence(backups: Path) -> dict[str, Any]:
    """Of the last drill, which is one line, and stands in the row of all as well."""
    text = (backups / "drill-copies.json").read_text()
    found: dict[str, Any] = json.loads(text)
    assert text.count("\n") == 1
    assert (backups / "drills" / f"{found['stamp']}-copies.json").read_text() == text
    assert (backups / "drills" / f"{found['stamp']}-copies.md").exists()
    assert not (backups / ".scratch").exists()
    assert not (backups / ".drill").exists()
    return found


def shipped(server: Server, backups: Path, offsite: Run) -> str:
    """A backup and its copy, which are made once and are then there as they were."""
    kept, bucket = server.folder / "shipped", server.folder / "bucket"
    if not kept.exists():
        backed_up(server, backups)
        pushed = offsite("push")
        assert pushed.returncode == 0, pushed.stderr
        for path in (backups, bucket):
            shutil.copytree(path, kept / path.name)
    for path in (backups, bucket):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(kept / path.name, path)
        give(path)
    return str(json.loads((backups / "offsite.json").read_text())["name"])


def test_the_newest_copy_is_restored_checked_and_measured(
    server: Server, backups: Path, offsite: Run
) -> None:
    assert drill(offsite, "due").returncode != 0, "there is no copy yet"
    name = shipped(server, backups, offsite)
    assert drill(offsite, "due").returncode == 0
    for path in backups.glob("*/*.dump"):
        path.unlink()
    began = time.time()
    done = drill(offsite, PGPORT="1", PGHOST="nowhere.invalid")
    assert done.returncode == 0, done.stderr + done.stdout
    assert not list(backups.glob("*/*.dump")), "what is fetched comes into no other's place"
    found = evidence(backups)
    assert found["ok"] is True
    assert found["name"] == name
    assert found["good"] == found["began"] >= int(began)
    assert found["databases"]["jira"] | {"mb": 0} == {"tables": 1, "rows": 5000, "mb": 0}
    assert set(found["databases"]) == set(DATABASES)
    assert {"jira", "temporal", "backup"} <= set(found["roles"]) <= set(DRILL["ROLES"].split())
    parts = [found[f"{part}_seconds"] for part in ("fetch", "restore", "check")]
    assert sum(parts) == found["rto_seconds"] <= time.time() - began + 1
    assert 0 <= found["rpo_seconds"] <= 600
    assert found["postgres"].startswith("15.")
    assert found["newest"] is None, "issues have no moments"
    assert drill(offsite, "due").returncode != 0
    shown = drill(offsite, "show")
    assert shown.returncode == 0
    assert "| jira | 1 | 5000 |" in shown.stdout
    assert "roles that no deploy makes" not in shown.stdout
    left = {path.name for path in backups.iterdir()} - set(DATABASES)
    assert left <= LEFT | {"drill-copies-awaited"}


MOMENTS = """
create role reporting; create role archivist;
create table "Odd Times" ("at Noon" timestamptz, day timestamp, planned timestamptz, due timestamptz);
insert into "Odd Times" values
  ('2026-01-01 12:00:00+00', '2026-02-03 04:05:06.7', '2999-01-01 00:00:00+00', 'infinity');
create table later (at timestamptz not null); insert into later values ('2026-02-03 04:05:06+00');
grant select on later to reporting; create policy mine on later to reporting;
alter default privileges for role archivist grant select on tables to reporting;
select lo_from_bytea(4711, 'x'); alter large object 4711 owner to archivist;
"""


def test_the_newest_moment_and_the_roles_that_no_deploy_makes_are_told(
    server: Server, backups: Path, offsite: Run
) -> None:
    server.sql("jira", MOMENTS)
    try:
        assert offsite("manual", script="backup.sh").returncode == 0
        assert offsite("push").returncode == 0
        done = drill(offsite)
    finally:
        server.sql("jira", 'drop owned by reporting, archivist; drop table later, "Odd Times"')
        server.sql("postgres", "drop role reporting, archivist")
    assert done.returncode == 0, done.stderr
    found = evidence(backups)
    assert found["newest"] == "2026-02-03T04:05:06.700Z"
    assert found["newest_in"] == "public.Odd Times.day"
    assert {"reporting", "archivist"} <= set(found["roles"])
    page = drill(offsite, "show").stdout
    assert "| roles that no deploy makes | archivist reporting" in page


def failed(backups: Path, offsite: Run, done: subprocess.CompletedProcess[str]) -> str:
    """The reason of a drill that failed, which the health tells as well."""
    assert done.returncode == 1, done.stdout
    found = evidence(backups)
    assert found["ok"] is False
    code, said = health(offsite, **DRILL)
    assert code == 1
    assert f"the last drill of the copies failed: {found['reason']}" in said
    shown = drill(offsite, "show")
    assert shown.returncode == 1
    assert shown.stdout.startswith(
        f"# The drill of the copies of {found['stamp']} failed\n\n{found['reason']}."
    )
    assert drill(offsite, "due").returncode != 0, "not at once"
    return str(found["reason"])


@pytest.mark.nightly
def test_a_damaged_pack_is_told_and_a_good_drill_after_it_makes_up_for_it(
    server: Server, backups: Path, bucket: Path, offsite: Run
) -> None:
    shipped(server, backups, offsite)
    assert drill(offsite).returncode == 0
    good = evidence(backups)["began"]
    pack = max((bucket / "data").glob("*/*"), key=lambda path: path.stat().st_size)
    whole = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    name = evidence(backups)["name"]
    assert f"the copy of {name} cannot be read: " in failed(backups, offsite, drill(offsite))
    assert evidence(backups)["good"] == good, "the last good one is not forgotten"
    pack.write_bytes(whole)
    assert drill(offsite).returncode == 0
    assert health(offsite, **DRILL)[0] == 0


@pytest.mark.nightly
def test_content_that_disagrees_is_told_by_its_table(server: Server, backups: Path, offsite: Run) -> None:
    name = backed_up(server, backups)
    content = backups / "jira" / f"{name}.content"
    content.write_text(content.read_text().replace("public.issues 5000", "public.issues 5001"))
    assert offsite("push").returncode == 0
    assert failed(backups, offsite, drill(offsite)) == (
        "jira: what was restored is not what was dumped: public.issues: 5001 rows were dumped, 5000 restored"
    )


def tool(server: Server, restic: Path, name: str, script: str) -> str:
    """A PATH on which `name` of Postgres' is a script of the test; `{real}` is the real one."""
    folder = server.folder / "drill-tools"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / name).write_text(
        f"#!/bin/bash\n{script.replace('{real}', f'/usr/lib/postgresql/15/bin/{name}')}\n"
    )
    (folder / name).chmod(0o755)
    give(folder)
    return f"{folder}:{PROGRAMS}:{restic.parent}"


BREAK_INDEX = (
    "create function public.fickle(text) returns text immutable language sql as 'select md5(\\$1)'; "
    "create index broken on public.issues (public.fickle(title)); "
    "create or replace function public.fickle(text) returns text immutable language sql as 'select \\$1'"
)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (BREAK_INDEX, "jira: pg_amcheck found: "),
        (
            "update pg_collation set collversion = '1.0' where oid = "
            "(select min(oid) from pg_collation where collversion is not null)",
            " is of version 1.0, and here is ",
        ),
    ],
    ids=["index", "collation"],
)
def test_what_only_the_restored_cluster_shows_is_told(
    server: Server, backups: Path, offsite: Run, restic: Path, statement: str, words: str
) -> None:
    """Broken between the restore and the checks."""
    shipped(server, backups, offsite)
    path = tool(
        server,
        restic,
        "pg_restore",
        '{real} "$@" || exit; [[ " $* " != *exit-on-error*/jira/* ]] || '
        f'psql -qXd jira -c "{statement}" >&2',
    )
    assert words in failed(backups, offsite, drill(offsite, PATH=path))


@pytest.mark.nightly
def test_another_passphrase_and_a_bucket_that_is_gone_are_told_as_that(
    server: Server, backups: Path, bucket: Path, offsite: Run
) -> None:
    shipped(server, backups, offsite)
    reason = failed(backups, offsite, drill(offsite, RESTIC_PASSWORD="another-passphrase-altogether"))
    assert "encrypted with another passphrase than offsite_passphrase" in reason
    shutil.rmtree(bucket)
    assert "the copies could not be listed: " in failed(backups, offsite, drill(offsite))


@pytest.mark.nightly
def test_a_copy_that_was_made_and_is_not_there_is_told(server: Server, backups: Path, offsite: Run) -> None:
    name = shipped(server, backups, offsite)
    (snapshot,) = json.loads(offsite("list").stdout)
    assert offsite("restic", "forget", snapshot["id"]).returncode == 0
    assert f"the bucket has no copy {name}, which was made" in failed(backups, offsite, drill(offsite))


@pytest.mark.nightly
@pytest.mark.parametrize(("free", "what"), [(512, "the dumps of "), (600, "the databases of ")])
def test_without_room_nothing_is_begun(
    server: Server, backups: Path, offsite: Run, restic: Path, free: int, what: str
) -> None:
    shipped(server, backups, offsite)
    done = drill(offsite, PATH=tool(server, restic, "df", f"echo {free}"))
    reason = failed(backups, offsite, done)
    assert reason.startswith(what)
    assert f" MB, and the backups' disk has {free} MB free, of which 512 MB stay so; keep fewer" in reason


def begun(
    server: Server, backups: Path, bucket: Path, restic: Path, path: str, **changes: str
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*as_user(), "bash", "drill.sh", "run", "copies"],
        env=variables(server, backups, bucket, restic, PATH=path, **DRILL, **changes),
        cwd=server.folder,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def seen(path: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.1)


@pytest.mark.nightly
@pytest.mark.parametrize("signal", [15, 9])
def test_one_that_was_killed_leaves_no_evidence_and_is_due_again(
    server: Server, backups: Path, bucket: Path, offsite: Run, restic: Path, signal: int
) -> None:
    shipped(server, backups, offsite)
    path = tool(server, restic, "pg_restore", f'touch {server.folder}/reached; sleep 30; {{real}} "$@"')
    (server.folder / "reached").unlink(missing_ok=True)
    process = begun(server, backups, bucket, restic, path)
    seen(server.folder / "reached")
    if signal == 15:
        process.terminate()  # as with-copies.sh does
    else:
        os.killpg(process.pid, signal)
    began = time.monotonic()
    process.communicate()
    assert time.monotonic() - began < 10
    assert not (backups / "drill-copies.json").exists()
    if signal == 15:
        assert not (backups / ".scratch").exists()
        assert not (backups / ".drill").exists()
    assert drill(offsite, "due").returncode == 0
    done = drill(offsite)
    assert done.returncode == 0, done.stderr
    assert evidence(backups)["ok"] is True


@pytest.mark.nightly
def test_one_that_does_not_end_has_failed(server: Server, backups: Path, offsite: Run, restic: Path) -> None:
    shipped(server, backups, offsite)
    path = tool(server, restic, "pg_restore", "sleep 60")
    reason = failed(backups, offsite, drill(offsite, PATH=path, DRILL_SECONDS="6"))
    assert reason == "it was not over after 6 s"


@pytest.mark.nightly
def test_a_backup_waits_for_the_drill_says_so_and_is_made(
    server: Server, backups: Path, bucket: Path, offsite: Run, restic: Path
) -> None:
    shipped(server, backups, offsite)
    path = tool(server, restic, "pg_restore", f'touch {server.folder}/reached; sleep 2; {{real}} "$@"')
    (server.folder / "reached").unlink(missing_ok=True)
    process = begun(server, backups, bucket, restic, path)
    seen(server.folder / "reached")
    made = offsite("manual", script="backup.sh", PROGRESS_SECONDS="1")
    out = process.communicate()[0].decode()
    assert process.returncode == 0, out
    assert made.returncode == 0, made.stderr
    assert "a drill of the copies is being made; a backup waits for it" in made.stdout
    assert (backups / "status.json").stat().st_mtime > (backups / "drill-copies.json").stat().st_mtime


@pytest.mark.nightly
def test_a_drill_waits_for_the_backup_and_does_not_count_that(
    server: Server, backups: Path, offsite: Run
) -> None:
    shipped(server, backups, offsite)
    folder = server.folder / "tools"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "pg_dump").write_text('#!/bin/bash\nsleep 4; exec /usr/lib/postgresql/15/bin/pg_dump "$@"\n')
    (folder / "pg_dump").chmod(0o755)
    process = begin(server, backups, f"{folder}:{PROGRAMS}")
    seen(backups / "running")
    done = drill(offsite, PROGRESS_SECONDS="1")
    assert process.wait() == 0
    assert done.returncode == 0, done.stderr
    assert "a backup is being made; a drill of the copies waits for it" in done.stdout
    found = evidence(backups)
    assert found["wait_seconds"] >= 5
    assert found["rto_seconds"] == sum(found[f"{part}_seconds"] for part in ("fetch", "restore", "check"))


def test_one_that_fails_while_a_backup_is_tried_leaves_that_its_cluster(
    server: Server, backups: Path, offsite: Run, restic: Path
) -> None:
    shipped(server, backups, offsite)
    reached, over = server.folder / "reached", server.folder / "drill-is-over"
    for path in (reached, over):
        path.unlink(missing_ok=True)
    waits = (
        f'touch {reached}; for i in {{1..3000}}; do [[ -e {over} ]] && break; sleep 0.1; done; {{real}} "$@"'
    )
    process = begin(server, backups, tool(server, restic, "pg_restore", waits))
    try:
        seen(reached)
        assert drill(offsite, RESTIC_PASSWORD="another-passphrase-altogether").returncode == 1
        assert on_trial(backups)
    finally:
        over.touch()
        code = process.wait()
    assert code == 0


def test_one_that_came_to_its_end_is_no_longer_told_as_made_again(
    server: Server, backups: Path, offsite: Run
) -> None:
    shipped(server, backups, offsite)
    (backups / "drill-copies-anew").touch()
    give(backups)
    assert drill(offsite, RESTIC_PASSWORD="another-passphrase-altogether").returncode == 1
    assert health(offsite, **DRILL)[0] == 1


@pytest.mark.parametrize(
    ("took", "ago", "due"),
    [
        (2, 50, False),
        (2, 70, True),
        (100, 900, False),
        (100, 1100, True),
        (4000, 3500, False),
        (4000, 3700, True),
    ],
)
def test_one_that_failed_is_made_again_after_ten_times_as_long_as_it_took(
    server: Server, backups: Path, offsite: Run, took: int, ago: int, due: bool
) -> None:
    finished = int(time.time()) - ago
    (backups / "offsite.json").write_text('{"name": "2026-01-01T000000Z-scheduled"}\n')
    (backups / "drill-copies.json").write_text(
        f'{{"kind": "copies", "ok": false, "began": {finished - took}, "finished": {finished}, "good": 0}}\n'
    )
    give(backups)
    assert (drill(offsite, "due").returncode == 0) == due


def test_of_the_same_failure_the_last_evidence_stays(server: Server, backups: Path, offsite: Run) -> None:
    """A service that is away for a day does not take the place of all other evidence."""
    shipped(server, backups, offsite)
    assert drill(offsite).returncode == 0
    for _ in range(2):
        assert drill(offsite, RESTIC_PASSWORD="another-passphrase-altogether").returncode == 1
        time.sleep(1.1)
    kept = sorted((backups / "drills").glob("*-copies.json"))
    assert [json.loads(path.read_text())["ok"] for path in kept] == [True, False]
    assert kept[-1].read_text() == (backups / "drill-copies.json").read_text()
    assert drill(offsite).returncode == 0
    assert len(list((backups / "drills").glob("*-copies.md"))) == 3


def test_of_the_evidence_the_last_twenty_of_a_kind_stay(server: Server, backups: Path, offsite: Run) -> None:
    shipped(server, backups, offsite)
    (backups / "drills").mkdir()
    for day in range(1, 23):
        for ending in ("copies.json", "copies.md", "log.json", "log.md"):
            (backups / "drills" / f"2026-01-{day:02}T000000Z-{ending}").touch()
    give(backups)
    assert drill(offsite).returncode == 0
    assert len(list((backups / "drills").glob("*-log.*"))) == 44, "the other's are its own"
    kept = sorted(path.name for path in (backups / "drills").glob("*-copies.*"))
    assert len(kept) == 40
    assert kept[0] == "2026-01-04T000000Z-copies.json"


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("has", "kinds"),
    [
        ({"RESTIC_REPOSITORY": "a bucket"}, {"copies"}),
        ({"ARCHIVE": "prod"}, {"log"}),
        ({"RESTIC_REPOSITORY": "a bucket", "ARCHIVE": "prod"}, {"copies", "log"}),
    ],
)
def test_they_are_made_beside_what_leaves_the_machine_and_again_after_a_pause(
    server: Server, backups: Path, has: dict[str, str], kinds: set[str]
) -> None:
    """with-copies.sh itself, with scripts of the test's beside it."""
    folder = server.folder / "loop"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(server.folder / "with-copies.sh", folder)
    for name, script in {
        "scheduler.sh": "exec sleep 60",
        "offsite.sh": "exit 1",
        "archive.sh": "exit 0",
        "drill.sh": f"[[ $1 == due ]] && exit; date +%s >>{folder}/$2; exit 1",
    }.items():
        (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (backups / ".drill").mkdir()
    give(folder)
    give(backups)
    process = subprocess.Popen(
        [*as_user(), "bash", str(folder / "with-copies.sh")],
        env={
            "PATH": PROGRAMS,
            "BACKUPS": str(backups),
            "COPY_SECONDS": "0.2",
            "DRILL_RETRY": "2",
            **has,
        },
    )
    time.sleep(5)
    process.terminate()
    assert process.wait(timeout=10) == 143
    for kind in kinds:
        assert 2 <= len((folder / kind).read_text().split()) <= 4
    assert {path.name for path in folder.glob("*") if not path.suffix} == kinds
    assert not (backups / ".drill").exists(), "of a run that was cut short"
    assert (backups / "drill-copies-anew").exists()


def test_the_settings_reach_the_container() -> None:
    environment = containers(declared("prod"))["backup"].inputs["envs"]
    assert {"DRILL_COPIES_DAYS=7", "DRILL_LOG_DAYS=7"} <= set(environment)
    assert f"ROLES={DRILL['ROLES']}" in environment
    script = (Path(__file__).parents[3] / "components" / "services" / "roles.sh").read_text()
    made = {line.split()[1] for line in script.splitlines() if line.startswith(("role ", "owner "))}
    assert made == set(DRILL["ROLES"].split())
