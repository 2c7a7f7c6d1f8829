"""restore.sh on a real server: what was dumped serves again, and whatever fails, all is as it was."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.components.services.conftest import as_user
from tests.operations.restore.conftest import Place

ALL = ("jira", "temporal", "temporal_visibility")
RUNNING = ["api-1", "api-2", "backup-1", "postgres-1", "temporal-1", "worker-1"]


def unchanged(place: Place) -> None:
    """It serves what it served, by everyone who did, and nothing is left."""
    assert place.issues() == 10
    assert place.databases() == [*ALL]
    assert place.running() == RUNNING


def test_what_was_dumped_serves_again_and_what_was_there_is_kept(place: Place) -> None:
    place.step(
        "migration",
        'psql -qXAtc "select count(*) from issues" jira >$PLACE/migrated;'
        "docker ps --filter label=jira-plus-plus.service=api",
    )
    place.step(
        "migration-record", """psql -qXc "alter database jira set jira_plus_plus.release = 'runs'" postgres"""
    )
    done = place.restore()
    assert done.returncode == 0, done.stdout
    assert (place.folder / "code").read_text() == "0\n"
    assert place.issues() == 5000
    (before,) = [name for name in place.databases() if name.startswith("jira_before_")]
    assert place.issues(before) == 10
    assert len(place.databases()) == 4, "nothing else is left"
    assert place.running() == RUNNING
    assert place.asked() == ["stop worker-1 api-1 api-2", "start worker-1 api-1 api-2"], "Temporal serves on"
    assert (place.folder / "migrated").read_text() == "5000\n"
    assert "api-" not in done.stdout.partition("running migration")[2].partition("healthy again")[0]
    assert place.server.sql("jira", "show jira_plus_plus.release") == "runs"
    assert re.search(r"jira: 1 tables, 5000 rows restored and compared in \d+ s", done.stdout)
    assert f"jira is restored; what was there is {before}" in done.stdout


def test_what_belongs_to_the_database_itself_comes_back_with_it(place: Place) -> None:
    assert place.restore().returncode == 0
    assert place.server.sql("jira", "show jira_plus_plus.release") == "then"
    owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'jira'"
    assert place.server.sql("postgres", owner) == "jira"


def test_all_databases_change_places_at_once_while_temporal_is_stopped(place: Place) -> None:
    place.step("temporal-schema", "echo $(date) the schema")
    done = place.restore(databases=ALL)
    assert done.returncode == 0, done.stdout
    assert place.asked() == [
        "stop temporal-1 worker-1 api-1 api-2",
        "start temporal-1",
        "start worker-1 api-1 api-2",
    ]
    assert len([name for name in place.databases() if "before" in name]) == 3
    assert "the schema" in done.stdout


def test_beside_what_serves_it_touches_nothing_else(place: Place) -> None:
    done = place.restore(into="scratch")
    assert done.returncode == 0, done.stdout
    assert (place.issues("jira_scratch"), place.issues()) == (5000, 10)
    assert place.asked() == []
    assert place.restore(into="scratch").returncode == 0, "again, in its place"


def test_the_way_back_is_the_same_command(place: Place) -> None:
    assert place.restore().returncode == 0
    (before,) = [name for name in place.databases() if "before" in name]
    time.sleep(1)  # names have seconds
    assert place.restore(before.removeprefix("jira_")).returncode == 0
    assert place.issues() == 10
    (before,) = [name for name in place.databases() if "before" in name]
    assert place.issues(before) == 5000


@pytest.mark.parametrize("summed", [True, False], ids=["with its checksum", "of before there were checksums"])
def test_a_damaged_dump_is_refused_and_nothing_has_changed(place: Place, summed: bool) -> None:
    raw = bytearray(place.dump().read_bytes())
    raw[-200] ^= 1
    place.dump().write_bytes(raw)
    if not summed:
        place.dump().with_suffix(".json").unlink()
    done = place.restore()
    assert done.returncode == 1
    assert "ERROR: jira: the dump" in done.stdout
    assert ("its bytes are not those that were proven" in done.stdout) is summed
    unchanged(place)
    assert place.asked() == []


def test_a_dump_that_restores_to_something_else_is_refused(place: Place) -> None:
    content = place.dump().with_suffix(".content")
    content.write_text(content.read_text().replace("5000", "5001"))
    done = place.restore()
    assert (
        "what was restored is not what was dumped: public.issues: 5001 rows were dumped, 5000 restored"
        in done.stdout
    )
    assert done.returncode == 1
    unchanged(place)


@pytest.mark.parametrize("step", ["migration", "migration-record"])
def test_a_migration_that_fails_puts_back_what_was_there(place: Place, step: str) -> None:
    place.step(step, 'psql -qXc "delete from issues" jira; echo P3009 >&2; exit 1')
    done = place.restore()
    assert done.returncode == 1
    assert "P3009" in done.stdout
    assert "going back to what was there" in done.stdout
    assert "nothing was restored" in done.stdout
    unchanged(place)
    assert place.server.sql("jira", "show jira_plus_plus.release") == "now"


def test_docker_that_fails_in_the_middle_is_awaited_and_what_was_there_put_back(place: Place) -> None:
    place.step("migration", "touch $PLACE/away; (sleep 1; rm $PLACE/away) >/dev/null 2>&1 & exit 1")
    done = place.restore()
    assert done.returncode == 1
    assert "healthy again" in done.stdout
    unchanged(place)


def test_a_service_that_does_not_get_well_on_it_puts_back_what_was_there(place: Place) -> None:
    (place.folder / "health" / "api-2").write_text("unhealthy")
    done = place.restore()
    assert done.returncode == 1
    assert "/api-2 is running, unhealthy after 2 s: docker logs" in done.stdout
    assert place.issues() == 10
    assert place.databases() == [*ALL]


def test_going_back_to_what_was_set_aside_loses_neither(place: Place) -> None:
    assert place.restore().returncode == 0
    (before,) = [name for name in place.databases() if "before" in name]
    time.sleep(1)
    place.step("migration", "exit 1")
    assert place.restore(before.removeprefix("jira_")).returncode == 1
    assert place.issues() == 5000
    assert place.issues(before) == 10


def test_somebody_who_looks_at_the_database_stops_nothing(place: Place) -> None:
    psql = ["psql", "-h", str(place.server.folder), "-p", str(place.server.port), "-U", "postgres", "jira"]
    with subprocess.Popen([*psql, "-c", "select pg_sleep(60)"], stderr=subprocess.PIPE, text=True) as session:
        done = place.restore()
        _, said = session.communicate(timeout=40)
    assert done.returncode == 0, done.stdout
    assert "terminating connection due to administrator command" in said


def test_it_waits_for_a_backup_and_lets_none_begin(place: Place) -> None:
    lock = place.backups / ".lock"
    holder = subprocess.Popen([*as_user(), "flock", str(lock), "sleep", "2"])
    place.step("migration", f"flock --nonblock {lock} true && echo free || echo held")
    done = place.restore()
    assert holder.wait() == 0
    assert done.returncode == 0, done.stdout
    assert "held" in done.stdout.splitlines()
    assert subprocess.run(["flock", "--wait", "5", str(lock), "true"], check=False).returncode == 0


def test_too_little_room_is_said_before_anything_is_done(place: Place) -> None:
    about = place.dump().with_suffix(".json")
    about.write_text(re.sub(r'"database_mb": \d+', '"database_mb": 99999999', about.read_text()))
    done = place.restore()
    assert "jira: it needs 125000298 MB beside what is there, and the data's disk has" in done.stdout
    assert "docs/runbook.md, A full disk" in done.stdout
    unchanged(place)


def until(path: Path, words: str) -> None:
    end = time.monotonic() + 30
    while words not in (path.read_text() if path.exists() else ""):
        assert time.monotonic() < end, path.read_text()
        time.sleep(0.02)


def begun(place: Place, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            place.command("", ("jira",), ""),
            env=place.environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


@pytest.mark.parametrize("moment", ["restoring", "stopping", "running migration"])
def test_one_that_is_ended_leaves_all_as_it_was(place: Place, tmp_path: Path, moment: str) -> None:
    place.step("migration", "sleep 1")
    log = tmp_path / "log"
    process = begun(place, log)
    until(log, moment)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130
    assert "nothing was restored" in log.read_text()
    unchanged(place)


def test_what_a_killed_one_has_stopped_the_next_one_starts(place: Place, tmp_path: Path) -> None:
    place.step("migration", "sleep 30")
    log = tmp_path / "log"
    process = begun(place, log)
    until(log, "running migration")
    subprocess.run(["pkill", "-KILL", "--session", str(process.pid)], check=True)
    process.wait()
    assert place.running() == ["backup-1", "postgres-1", "temporal-1"]
    place.step("migration", "true")
    done = place.restore()
    assert done.returncode == 0, done.stdout
    assert place.running() == RUNNING
    assert place.issues() == 5000


def test_one_that_is_killed_leaves_nobody_at_work(place: Place, tmp_path: Path) -> None:
    place.changes["PROGRESS_SECONDS"] = "0.1"
    log = tmp_path / "log"
    process = begun(place, log)
    until(log, "restoring")
    process.kill()
    process.wait()
    end = time.monotonic() + 20
    while left := subprocess.run(
        ["pgrep", "--session", str(process.pid)], capture_output=True, text=True
    ).stdout:
        assert time.monotonic() < end, left
        time.sleep(0.1)
    assert place.restore().returncode == 0


def test_without_its_containers_it_says_which_and_what_to_do(place: Place) -> None:
    (place.folder / "running" / "backup-1").unlink()
    done = place.restore("2026-01-01T000000Z-scheduled")
    assert (
        "the container backup of uat does not run, and the dumps are in it: make deploy STACK=uat"
        in done.stdout
    )
    assert done.returncode == 1


def test_a_database_that_is_gone_comes_back(place: Place) -> None:
    place.server.sql("postgres", "drop database jira with (force)")
    place.step("roles", "psql -qXc 'create database jira owner jira' postgres || true")
    done = place.restore()
    assert done.returncode == 0, done.stdout
    assert place.issues() == 5000
