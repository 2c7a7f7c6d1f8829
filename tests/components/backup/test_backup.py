"""The backup, run for real: a dump counts once it was proven, and old ones go by their kind."""

import json
import os
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal.declared.platform import containers, declared
from tests.components.services.conftest import BACKUP, Server, as_user, give, on_trial

DATABASES = "jira temporal temporal_visibility"


def environment(server: Server, backups: Path, **changes: str) -> dict[str, str]:
    return {
        "BACKUPS": str(backups),
        "DATABASES": DATABASES,
        "KEEP_DAILY": "7",
        "KEEP_WEEKLY": "4",
        "KEEP_MONTHLY": "6",
        "KEEP_RELEASES": "5",
        "KEEP_MANUAL": "5",
        "MAXIMUM_AGE_HOURS": "26",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGUSER": "backup",
        "PGPASSWORD": "password-of-backup",
        "SCHEDULE": "02:00",
        **changes,
    }


def back_up(server: Server, backups: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
    return server.run("bash", "backup.sh", environment=environment(server, backups, **changes))


def begin(server: Server, backups: Path, path: str) -> "subprocess.Popen[bytes]":
    """A backup that goes on, as the first of a session of its own; `path` is a PATH of `wrap`."""
    return subprocess.Popen(
        [*as_user(), "bash", "backup.sh"],
        env={**environment(server, backups), "PATH": path},
        cwd=server.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def dumps(backups: Path) -> list[str]:
    return sorted(str(path.relative_to(backups)) for path in backups.rglob("*.dump*"))


def wrap(server: Server, tool: str, script: str) -> str:
    """A PATH on which `tool` is a script of the test; `{real}` is the real one."""
    folder = server.folder / "tools"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    real = f"/usr/lib/postgresql/15/bin/{tool}"
    (folder / tool).write_text(f"#!/bin/bash\n{script.replace('{real}', real)}\n")
    (folder / tool).chmod(0o755)
    return f"{folder}:/usr/lib/postgresql/15/bin:/usr/bin:/bin"


def test_every_database_is_dumped_restored_and_counted(server: Server, backups: Path) -> None:
    result = back_up(server, backups)
    assert result.returncode == 0, result.stderr
    assert len(dumps(backups)) == 3
    assert "jira: " in result.stdout
    assert "1 tables, 5000 rows, restored and compared" in result.stdout
    status = json.loads((backups / "status.json").read_text())
    assert abs(status["finished"] - time.time()) < 60
    assert status["databases"] == DATABASES


def test_the_dump_restores_elsewhere(server: Server, backups: Path) -> None:
    back_up(server, backups)
    (dump,) = (backups / "jira").glob("*.dump")
    server.sql("postgres", "drop database if exists elsewhere")
    server.sql("postgres", "create database elsewhere template template0")
    restored = server.run(
        *("pg_restore", "-h", str(server.folder), "-p", str(server.port), "-U", "postgres"),
        *("-d", "elsewhere", str(dump)),
    )
    assert restored.returncode == 0, restored.stderr
    assert server.sql("elsewhere", "select count(*), max(title) from issues") == "5000|issue 999"


def test_dumps_are_their_owners_alone_and_nothing_of_the_trial_stays(server: Server, backups: Path) -> None:
    count = "select count(*) from pg_database"
    before = server.sql("postgres", count)
    back_up(server, backups)
    for path in backups.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    left = sorted(path.name for path in backups.iterdir())
    assert left == [".lock", "jira", "status.json", "temporal", "temporal_visibility"]
    assert server.sql("postgres", count) == before


def test_rows_that_are_written_meanwhile_are_no_difference(server: Server, backups: Path) -> None:
    writing = wrap(
        server,
        "pg_dump",
        f"PGUSER=jira PGPASSWORD=password-of-jira psql -qXd jira"
        f" -c \"insert into issues (title) values ('late')\" -h 127.0.0.1 -p {server.port}; " + '{real} "$@"',
    )
    result = back_up(server, backups, PATH=writing)
    assert result.returncode == 0, result.stderr
    assert "5000 rows" in result.stdout, "the dump and the count are of one snapshot"


def test_a_database_that_is_away_fails_and_keeps_the_last_status(server: Server, backups: Path) -> None:
    back_up(server, backups)
    before = (backups / "status.json").read_text()
    result = back_up(server, backups, PGPORT="1")
    assert result.returncode != 0
    assert (backups / "status.json").read_text() == before
    assert "jira: the server gave no snapshot" in result.stderr


def test_what_a_run_that_was_cut_short_left_is_swept(server: Server, backups: Path) -> None:
    (backups / "jira").mkdir()
    give(backups)
    slow = wrap(server, "pg_restore", 'sleep 60 >/dev/null 2>&1; {real} "$@"')
    killed = begin(server, backups, slow)
    pid_file = backups / ".scratch" / "data" / "postmaster.pid"
    until = time.monotonic() + 60
    while not on_trial(backups) and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1)
    postmaster = Path("/proc") / pid_file.read_text().split()[0]
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    (backups / "jira" / "2020-01-01T020000Z.partial").write_text("half")
    give(backups)
    assert (postmaster / "exe").exists(), "it has a session of its own"
    assert back_up(server, backups).returncode == 0
    assert not list(backups.rglob("*.partial"))
    assert not (backups / ".scratch").exists()
    assert not (postmaster / "cwd").exists()


def test_one_waits_for_the_other(server: Server, backups: Path) -> None:
    slow = wrap(server, "pg_dump", 'sleep 1; {real} "$@"')
    first = begin(server, backups, slow)
    time.sleep(0.5)
    assert back_up(server, backups).returncode == 0
    assert first.wait(timeout=30) == 0


def prune(tmp_path: Path, stamps: list[str], daily: int, weekly: int, monthly: int) -> list[str]:
    folder = tmp_path / "jira"
    folder.mkdir()
    for stamp in stamps:
        (folder / f"{stamp}.dump").touch()
    subprocess.run(
        ["bash", "-c", f". {BACKUP / 'backup.sh'}; prune {folder}"],
        env={
            "PATH": "/usr/bin:/bin",
            "BACKUPS": str(tmp_path),
            "DATABASES": "jira",
            "KEEP_DAILY": str(daily),
            "KEEP_WEEKLY": str(weekly),
            "KEEP_MONTHLY": str(monthly),
            "KEEP_RELEASES": "2",
            "KEEP_MANUAL": "1",
        },
        check=True,
        capture_output=True,
    )
    return sorted(path.stem for path in folder.iterdir())


def nights(until: str, count: int) -> list[str]:
    last = datetime.fromisoformat(f"{until}T02:00")
    return [(last - timedelta(days=n)).strftime("%Y-%m-%dT%H%M%SZ") for n in range(count)]


def test_a_year_of_nights_leaves_days_weeks_and_months(tmp_path: Path) -> None:
    kept = prune(tmp_path, nights("2026-11-24", 365), 7, 4, 6)  # a Tuesday
    assert [stamp[:10] for stamp in kept] == [
        # the last of each of six months
        *("2026-06-30", "2026-07-31", "2026-08-31", "2026-09-30", "2026-10-31"),
        # the last, a Sunday, of each of four weeks; the current one's is yesterday's or today's
        *("2026-11-08", "2026-11-15"),
        # seven days
        *("2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"),
    ]


def test_of_a_day_with_many_dumps_the_last_stays(tmp_path: Path) -> None:
    stamps = ["2026-11-24T020000Z", "2026-11-24T150102Z", "2026-11-24T151500Z", "2026-11-23T020000Z"]
    assert prune(tmp_path, stamps, 7, 4, 6) == ["2026-11-23T020000Z", "2026-11-24T151500Z"]


def test_of_each_other_kind_so_many_stay(tmp_path: Path) -> None:
    releases = [f"2026-11-2{day}T100000Z-release" for day in range(1, 5)]
    stamps = [
        *releases,
        "2026-11-20T100000Z-manual",
        "2026-11-19T100000Z-manual",
        "2026-11-24T020000Z-scheduled",
    ]
    kept = prune(tmp_path, stamps, 1, 0, 0)
    assert kept == sorted([*releases[2:], "2026-11-20T100000Z-manual", "2026-11-24T020000Z-scheduled"])


def test_a_throw_away_stack_keeps_one(tmp_path: Path) -> None:
    assert prune(tmp_path, nights("2026-11-24", 5), 1, 0, 0) == ["2026-11-24T020000Z"]


def test_after_a_pause_the_old_ones_stay(tmp_path: Path) -> None:
    assert len(prune(tmp_path, nights("2020-01-31", 7), 7, 4, 6)) == 7, "age alone deletes nothing"


@pytest.mark.parametrize(
    ("now", "schedule", "expected"),
    [
        ("2026-11-24T01:59:59", "02:00", "2026-11-24T02:00:00"),
        ("2026-11-24T02:00:00", "02:00", "2026-11-25T02:00:00"),
        ("2026-12-31T23:59:59", "00:00", "2027-01-01T00:00:00"),
        ("2026-03-29T00:30:00", "08:09", "2026-03-29T08:09:00"),
    ],
)
def test_the_next_run_is_at_the_time_of_day_in_utc(now: str, schedule: str, expected: str) -> None:
    epoch = int(datetime.fromisoformat(f"{now}+00:00").timestamp())
    out = subprocess.run(
        ["bash", "-c", f". {BACKUP / 'scheduler.sh'}; next_run {epoch}"],
        env={"PATH": "/usr/bin:/bin", "BACKUPS": "/none", "SCHEDULE": schedule, "TZ": "Europe/Berlin"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert int(out) == int(datetime.fromisoformat(f"{expected}+00:00").timestamp())


def schedule(tmp_path: Path, backups: Path, seconds: float, backup: str, at: str = "02:00") -> int:
    """Runs the scheduler beside a backup of the test's for so many seconds; its exit code after SIGTERM."""
    for script in ("scheduler.sh",):
        shutil.copy(BACKUP / script, tmp_path)
    (tmp_path / "backup.sh").write_text(f"#!/bin/bash\n{backup}\n")
    process = subprocess.Popen(
        ["bash", str(tmp_path / "scheduler.sh")],
        env={"PATH": "/usr/bin:/bin", "BACKUPS": str(backups), "SCHEDULE": at, "RETRY": "1"},
    )
    time.sleep(seconds)
    process.terminate()
    return process.wait(timeout=5)


def test_without_a_young_backup_it_makes_one_at_once_and_ends_on_a_signal(tmp_path: Path) -> None:
    assert schedule(tmp_path, tmp_path, 1.0, f"echo run >>{tmp_path}/runs") == 143
    assert (tmp_path / "runs").read_text() == "run\n", "once: the next is tonight's"


def test_after_a_failure_it_tries_again(tmp_path: Path) -> None:
    schedule(tmp_path, tmp_path, 3.5, f"echo run >>{tmp_path}/runs; exit 1")
    assert (tmp_path / "runs").read_text().count("run") >= 2


@pytest.mark.parametrize(("scheduled", "made_up_for"), [(360, True), (720, False)])
def test_a_run_that_was_missed_or_cut_short_is_made_up_for_at_once(
    tmp_path: Path, scheduled: int, made_up_for: bool
) -> None:
    """Though there is a dump that is young: of a release, say, ten minutes ago."""
    now = int(time.time())
    (tmp_path / "status.json").write_text(f'{{"finished": {now - 590}, "started": {now - 600}}}')
    last = datetime.fromtimestamp(now - scheduled, UTC).strftime("%H:%M")
    schedule(tmp_path, tmp_path, 3.0, f"echo run >>{tmp_path}/runs", last)
    assert (tmp_path / "runs").exists() == made_up_for


def test_with_a_young_backup_it_waits_for_the_night(tmp_path: Path) -> None:
    now = int(time.time())
    (tmp_path / "status.json").write_text(f'{{"finished": {now}, "started": {now}, "stamp": ""}}')
    schedule(tmp_path, tmp_path, 1.0, f"echo run >>{tmp_path}/runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("status", "healthy"),
    [(None, False), (1, True), (25, True), (26, False), (1000, False), ("broken", False)],
)
def test_it_is_healthy_while_the_last_good_backup_is_young(
    tmp_path: Path, status: int | str | None, healthy: bool
) -> None:
    if isinstance(status, int):
        finished = int(time.time()) - status * 3600 - 60
        (tmp_path / "status.json").write_text(f'{{"finished": {finished}, "stamp": "x"}}')
    elif status:
        (tmp_path / "status.json").write_text(status)
    result = subprocess.run(
        ["bash", str(BACKUP / "healthcheck.sh")],
        env={"PATH": "/usr/bin:/bin", "BACKUPS": str(tmp_path), "MAXIMUM_AGE_HOURS": "26"},
        check=False,
        capture_output=True,
    )
    assert (result.returncode == 0) == healthy


@pytest.mark.parametrize(
    ("life", "begun", "failed", "healthy"),
    [(10, 600, False, True), (400, 600, False, False), (10, 600, True, False), (10, 27 * 3600, False, False)],
    ids=["alive", "no sign of life", "after a failure", "for ever"],
)
def test_it_is_healthy_while_the_first_backup_is_being_made(
    tmp_path: Path, life: int, begun: int, failed: bool, healthy: bool
) -> None:
    """runtime 8: how long that takes grows with the data, and a deploy waits for health."""
    now = int(time.time())
    (tmp_path / "running").write_text(str(now - begun))
    os.utime(tmp_path / "running", (now - life, now - life))
    if failed:
        (tmp_path / "failure.json").write_text('{"at": 1, "kind": "manual", "reason": "jira: no room"}')
    result = subprocess.run(
        ["bash", str(BACKUP / "healthcheck.sh")],
        env={"PATH": "/usr/bin:/bin", "BACKUPS": str(tmp_path), "MAXIMUM_AGE_HOURS": "26"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (result.returncode == 0) == healthy, result.stdout
    assert ("; since then: jira: no room" in result.stdout) == failed


def test_the_stack_files_schedule_and_retention_reach_the_container() -> None:
    environment = containers(declared("prod"))["backup"].inputs["envs"]
    for value in ("SCHEDULE=02:00", "KEEP_DAILY=14", "KEEP_WEEKLY=8", "KEEP_MONTHLY=12", "PGUSER=backup"):
        assert value in environment
    assert "DATABASES=jira temporal temporal_visibility" in environment
