"""What may happen while something is restored, and what a restore makes good."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.faults.containers.stack import Stack, ended, fill, reason, wait_for
from tests.faults.watch import Watch

pytestmark = [pytest.mark.faults, pytest.mark.live, pytest.mark.timeout(900)]

WHERE = "containers"


def loading(stack: Stack) -> bool:
    """Whether what is restored has begun to be there."""
    done = stack.run(
        "postgres",
        *(
            "psql",
            "-XAtqU",
            "postgres",
            "-d",
            "jira_restored",
            "-c",
            "select 1 from pg_class where relname = 'ballast'",
        ),
    )
    return done.stdout.strip() == "1"


def databases(stack: Stack) -> list[str]:
    """Of the application; what a restore leaves is among them."""
    return stack.sql("select datname from pg_database where datname ~ '^jira' order by 1").split()


@pytest.mark.fault("the server is killed during a restore", WHERE)
def test_the_server_is_killed_during_a_restore(stack: Stack, watch: Watch) -> None:
    dump = stack.dumped()
    restoring = stack.restoring(dump.stem)
    wait_for(lambda: loading(stack), 60)
    watch.struck()
    stack.kill("postgres")
    time.sleep(1)
    stack.start("postgres")
    code, said = ended(restoring)
    assert code != 0
    assert "nothing was restored" in said
    stack.answers()
    watch.healed()
    watch.counted(f"nothing was restored: “{reason(said)}”; the same command does it")
    stack.sql("drop database if exists jira_restored with (force)")
    with watch.writer.resting():
        stack.restored(stack.dumped().stem)
        assert watch.writer.missing(watch.present()) == {}


@pytest.mark.fault("a restore is killed with -9", WHERE)
def test_a_restore_is_killed(stack: Stack, watch: Watch) -> None:
    restoring = stack.restoring(stack.dumped().stem)
    wait_for(lambda: loading(stack), 60)
    watch.struck()
    os.killpg(restoring.pid, signal.SIGKILL)
    restoring.communicate()
    watch.healed()
    with watch.writer.resting():
        stack.restored(stack.dumped().stem)
    assert databases(stack) == ["jira"]
    watch.counted("what serves was not touched; the same command does it")


@pytest.mark.fault("the disk of the data has no room for a restore", WHERE)
def test_no_room_for_a_restore(stack: Stack, watch: Watch) -> None:
    dump = stack.dumped()
    with stack.filled("postgres", leave_mb=200):
        code, said = ended(stack.restoring(dump.stem))
    assert code == 1
    assert "MB beside what is there" in said
    watch.over()
    watch.healed()
    assert databases(stack) == ["jira"]
    watch.counted(f"told before it begins: “{reason(said).partition(';')[0]}”")


@pytest.mark.fault("the disk of the data becomes full during a restore", WHERE)
def test_the_disk_becomes_full_during_a_restore(stack: Stack, watch: Watch) -> None:
    restoring = stack.restoring(stack.dumped().stem)
    wait_for(lambda: loading(stack), 60)
    file = stack.disk("postgres") / ".fill"
    fill(file)
    code, said = ended(restoring)
    file.unlink()
    watch.over()
    assert code != 0
    assert "nothing was restored" in said
    if not stack.container("postgres"):
        stack.start("postgres")
    stack.answers()
    stack.sql("drop database if exists jira_restored with (force)")
    watch.healed()
    watch.counted(f"nothing was restored: “{reason(said)}”")


@pytest.mark.fault("the migration fails after a restore", WHERE)
def test_the_migration_fails_after_a_restore(stack: Stack, watch: Watch) -> None:
    dump = stack.dumped()
    watch.struck()
    with watch.writer.resting():  # as the API is stopped, and would write to what goes again
        code, said = ended(stack.restoring(dump.stem, migration="echo relation is missing >&2; exit 3"))
    assert code == 1
    assert "going back to what was there" in said
    watch.healed()
    assert len(databases(stack)) == 1
    watch.counted("put back: what was there serves, with what was written since the dump")


@pytest.mark.fault("the log's bucket goes away while a moment is had back", WHERE)
def test_the_bucket_goes_away_during_a_restore(stack: Stack, watch: Watch) -> None:
    stack.logged()
    watch.struck()
    wanted = stack.moment(stack.identity, "newest")
    restoring = stack.restoring(**wanted)
    wait_for(lambda: (stack.backups / ".moment" / "data").exists(), 60)
    stack.storage.fault("slow_down")
    code, said = ended(restoring, 600)
    assert code == 1
    assert "nothing was restored" in said
    stack.storage.fault(None)
    watch.over()
    watch.healed()
    assert databases(stack) == ["jira"]
    watch.counted(f"nothing was restored: “{reason(said)}”")


@pytest.mark.fault("somebody drops the table", WHERE)
def test_somebody_drops_the_table(stack: Stack, watch: Watch) -> None:
    stack.logged()
    with watch.writer.resting():
        time.sleep(0.2)
        moment = stack.sql("select clock_timestamp()")
        time.sleep(0.2)
        watch.struck()
        stack.sql("drop table acknowledged")
        stack.restored(**stack.moment(stack.identity, moment))
    watch.healed()
    watch.counted("the moment before is served again, to the commit")


@pytest.mark.fault("the release's migration deletes rows, found after it", WHERE)
def test_a_bad_migration(stack: Stack, watch: Watch) -> None:
    stack.logged()
    with watch.writer.resting():
        made = stack.script("backup.sh", "release")
        assert made.returncode == 0, made.stderr
        name, epoch, identity = stack.text("points").split()[-3:]
        watch.struck()
        stack.sql("delete from acknowledged where n % 2 = 0")
        moment = stack.sql(f"select to_timestamp({epoch})")
        stack.restored(name, moment=f"{identity} {moment}")
    watch.healed()
    watch.counted("had back from the point before the release, whose log was off the machine")


@pytest.mark.fault("the disk of the dumps is lost", WHERE)
def test_the_disk_of_the_dumps_is_lost(stack: Stack, watch: Watch) -> None:
    dump = stack.dumped()
    pushed = stack.script("offsite.sh", "push")
    assert pushed.returncode == 0, pushed.stderr
    stack.kill("backup")
    subprocess.run(["find", stack.backups, "-mindepth", "1", "-delete"], check=True)
    watch.struck()
    stack.start("backup")
    there = [stack.backups / name for name in ("status.json", "offsite.json", "archive.json")]
    watch.healed(lambda: all(path.exists() for path in there))
    fetched = stack.script("offsite.sh", "fetch", dump.stem, "jira")
    assert fetched.returncode == 0, fetched.stderr
    watch.counted("a dump, its copy and a full backup are made at once; the copies from before are fetched")
