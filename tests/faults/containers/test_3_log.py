"""What may happen to the bucket of the log."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rehearsal.images import trial
from tests.faults.containers.conftest import declared
from tests.faults.containers.stack import Stack, docker, reason, wait_for
from tests.faults.watch import Watch
from tests.faults.writer import TABLE
from tests.live.archive.cluster import BUCKET, called, eventually, flipped

pytestmark = [pytest.mark.faults, pytest.mark.live, pytest.mark.timeout(900)]

WHERE = "containers"
FILES_AN_HOUR = 60
"""Of the log, where archive_timeout is a minute."""


def failing(stack: Stack) -> bool:
    return stack.sql("select last_failed_wal > coalesce(last_archived_wal, '') from pg_stat_archiver") == "t"


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        pytest.param("slow_down", 0, marks=pytest.mark.fault("the log's bucket answers 503", WHERE)),
        pytest.param("forbidden", 0, marks=pytest.mark.fault("the keys of the log's bucket expire", WHERE)),
        pytest.param("full", 0, marks=pytest.mark.fault("the log's bucket is full", WHERE)),
        pytest.param(
            "slow", 20, marks=pytest.mark.fault("the log's bucket takes 20 s for each answer", WHERE)
        ),
    ],
)
def test_the_bucket_takes_nothing(stack: Stack, watch: Watch, fault: str, seconds: int) -> None:
    stack.storage.fault(fault, seconds=seconds)  # type: ignore[arg-type]
    stack.sql("select pg_switch_wal()")
    eventually(lambda: failing(stack))
    time.sleep(1)
    stack.sql("select txid_current(), pg_switch_wal()")
    code, said = stack.health(LIFE_SECONDS="0")
    assert code == 1
    tended = stack.script("archive.sh", "tend", WAITING_SECONDS="0", PGBACKREST_IO_TIMEOUT="5")
    told = reason(tended.stderr) if tended.returncode else said.strip().rpartition("\n")[2]
    assert "wait" in told
    stack.storage.fault(None)
    watch.over()
    stack.archived()
    assert stack.script("archive.sh", "tend").returncode == 0
    watch.healed()
    watch.counted(f"the log waits on the disk: “{told}”")


@pytest.mark.fault("the log's bucket is away for an hour of log (60 files, written at once)", WHERE)
def test_the_bucket_is_away_for_an_hour(stack: Stack, watch: Watch) -> None:
    stack.storage.fault("down")
    for _ in range(FILES_AN_HOUR):
        stack.sql("select txid_current(), pg_switch_wal()")
    waiting = len(list((stack.disk("postgres") / "pg_wal" / "archive_status").glob("*.ready")))
    assert waiting >= FILES_AN_HOUR
    assert stack.health(LIFE_SECONDS="0")[0] == 1
    stack.storage.fault(None)
    watch.over()
    stack.archived()
    assert stack.script("archive.sh", "gaps").returncode == 0
    watch.healed()
    watch.counted(f"{waiting} files waited on the disk, all are off the machine, without a gap")


@pytest.mark.fault("the server is stopped while the log's bucket is away", WHERE)
def test_a_stop_while_the_bucket_is_away(stack: Stack, watch: Watch) -> None:
    stack.storage.fault("down")
    stack.sql("select txid_current(), pg_switch_wal()")
    begun = time.monotonic()
    docker("stop", "--time=120", stack.name("postgres"))
    seconds = time.monotonic() - begun
    assert seconds < 110
    stack.storage.fault(None)
    watch.over()
    stack.start("postgres")
    stack.answers()
    stack.archived()
    watch.healed()
    watch.counted(f"it ends after {seconds:.0f} s by itself, and sends what waited when it is back")


@pytest.mark.fault("the log's bucket says yes and keeps nothing", WHERE)
def test_the_bucket_lies(stack: Stack, watch: Watch) -> None:
    stack.logged()
    stack.storage.fault("forgets")
    stack.sql("select txid_current(), pg_switch_wal()")
    stack.archived()
    stack.storage.fault(None)
    checked = stack.script("archive.sh", "gaps")
    assert checked.returncode == 1
    watch.over()
    assert stack.script("archive.sh", "tend").returncode == 0
    assert stack.script("archive.sh", "gaps").returncode == 0
    watch.healed()
    watch.counted(f"“{reason(checked.stderr)}”")


@pytest.mark.fault("the log's bucket keeps nothing of a full backup", WHERE)
def test_the_bucket_lies_about_a_backup(stack: Stack, watch: Watch) -> None:
    before = stack.text("archive.json")
    stack.storage.fault("forgets")
    made = stack.script("archive.sh", "backup", "full", PGBACKREST_ARCHIVE_TIMEOUT="5")
    assert made.returncode == 1
    assert stack.text("archive.json") == before
    stack.storage.fault(None)
    watch.over()
    assert stack.script("archive.sh", "backup", "full").returncode == 0
    stack.script("archive.sh", "gaps")
    assert stack.script("archive.sh", "tend").returncode == 0
    watch.healed()
    watch.counted(f"it does not count: “{reason(made.stderr)}”")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def archived_thrice(stack: Stack) -> Path:
    """The last file but one."""
    for _ in range(3):
        stack.sql("select txid_current()")
        stack.archived()
    return stack.log_files[-2]


@pytest.mark.fault("a file of the log is lost in the bucket", WHERE)
def test_a_file_of_the_log_is_lost(stack: Stack, watch: Watch) -> None:
    path = archived_thrice(stack)
    watch.struck()
    path.unlink()
    checked = stack.script("archive.sh", "gaps")
    assert checked.returncode == 1, "it was not found"
    assert stack.health()[0] == 1
    assert stack.script("archive.sh", "tend").returncode == 0
    assert stack.script("archive.sh", "gaps").returncode == 0
    watch.healed(lambda: stack.health()[0] == 0)
    watch.counted(f"a full backup begins anew: “{reason(checked.stderr).partition(';')[0]}”")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            flipped, marks=pytest.mark.fault("a bit is flipped in a file of the log in the bucket", WHERE)
        ),
        pytest.param(cut, marks=pytest.mark.fault("a file of the log is cut off in the bucket", WHERE)),
    ],
)
def test_a_file_of_the_log_is_damaged(stack: Stack, watch: Watch, damage) -> None:  # type: ignore[no-untyped-def]
    """Its name is there, so who replays the log finds it, and must not take it for the end of the log."""
    path = archived_thrice(stack)
    watch.struck()
    damage(path)
    made = stack.script("moment.sh", stack.identity, "newest", "bad-moment", "jira")
    said = stack.text("jira/bad-moment.content")
    assert made.returncode == 1, f"the log was taken to end before it: {said}"
    assert f"{path.name[:24]} was cut off or changed in the bucket" in made.stderr
    assert stack.script("archive.sh", "backup", "full").returncode == 0
    made_anew = stack.script("moment.sh", stack.identity, "newest", "good-moment", "jira")
    assert made_anew.returncode == 0, made_anew.stderr
    stack.tidy()
    watch.healed()
    watch.counted(f"not restored: “{reason(made.stderr)}”; a full backup begins anew")


@pytest.mark.fault("a bit is flipped in a backup of the cluster in the bucket", WHERE)
def test_a_backup_is_damaged(stack: Stack, watch: Watch) -> None:
    assert stack.script("archive.sh", "backup", "full").returncode == 0
    watch.struck()
    flipped(stack.objects("backup/{}/*F/bundle/*")[-1])
    made = stack.script("moment.sh", stack.identity, "newest", "bad-moment", "jira")
    assert made.returncode == 1
    assert stack.script("archive.sh", "backup", "full").returncode == 0
    assert stack.script("moment.sh", stack.identity, "newest", "good-moment", "jira").returncode == 0
    stack.tidy()
    watch.healed()
    watch.counted(f"not restored from: “{reason(made.stderr)}”; the next full one is good")


@pytest.mark.fault("the log's bucket is emptied", WHERE)
def test_the_bucket_is_emptied(stack: Stack, watch: Watch) -> None:
    folder = stack.storage.folder / BUCKET / stack.stack
    aside = folder.with_name("aside")
    watch.struck()
    folder.rename(aside)
    try:
        made = stack.script("archive.sh", "backup", "full")
        assert made.returncode == 1
    finally:
        aside.rename(folder)
    assert stack.script("archive.sh", "tend").returncode == 0
    watch.healed()
    watch.counted(f"“{reason(made.stderr).partition(';')[0]}”")


@pytest.mark.fault("another passphrase for the log", WHERE)
def test_another_passphrase(stack: Stack, watch: Watch) -> None:
    stack.script("archive.sh", "tend")
    watch.struck()
    listed = stack.with_another_passphrase("archive.sh list")
    assert listed.returncode == 1
    assert "it is encrypted with another passphrase than archive_passphrase" in listed.stderr
    watch.healed()
    watch.counted(f"“{reason(listed.stderr)}”")


@pytest.mark.fault("the backup's container is killed during a full backup", WHERE)
def test_the_backup_is_killed_during_a_full_backup(stack: Stack, watch: Watch) -> None:
    stack.begin("backup", *called("archive.sh"), "backup", "full")
    wait_for(
        lambda: "pg_backup_start" in stack.sql("select string_agg(query, ' ') from pg_stat_activity"), 60
    )
    watch.struck()
    stack.kill("backup")
    stack.start("backup")
    assert stack.script("archive.sh", "backup", "full").returncode == 0
    watch.healed()
    made = stack.script("moment.sh", stack.identity, "newest", "after-moment", "jira")
    assert made.returncode == 0, made.stderr
    stack.tidy()
    watch.counted("the next one is good, and is restored from")


@pytest.mark.fault("two stacks with one bucket, and by mistake with one name in it", WHERE)
def test_two_stacks_in_one_place(stack: Stack, watch: Watch, client, images, buckets) -> None:  # type: ignore[no-untyped-def]
    with trial.started(client, images, print, declared(*buckets)) as name:
        other = Stack(name, stack.storage, stack.copies, stack.folder)
        eventually(lambda: other.text("archive.json") != "")
        watch.struck()
        other.sql(f"{TABLE}; insert into acknowledged values (-1)")
        for service in ("postgres", "backup"):
            script = other.mounted(service, "/etc/jira") / "pgbackrest.sh"
            mistaken = script.read_text().replace("/${ARCHIVE:?}", f"/{stack.stack}")
            assert mistaken != script.read_text()
            script.write_text(mistaken)
        (other.backups / "archive.json").unlink()
        made = other.script("archive.sh", "backup", "full")
        assert made.returncode == 0, made.stderr
        stack.archived()
        other.archived()
        assert stack.script("archive.sh", "backup", "full").returncode == 0
        for one, rows in ((stack, None), (other, 1)):
            with watch.writer.resting():
                count = rows or int(stack.sql("select count(*) from acknowledged"))
                one.archived()
                made = one.script("moment.sh", one.identity, "newest", "own-moment", "jira")
            assert made.returncode == 0, made.stderr
            assert f"table public.acknowledged {count} " in one.text("jira/own-moment.content")
    stack.tidy()
    assert stack.script("archive.sh", "gaps").returncode == 0
    watch.healed()
    watch.counted("each has a part of its own, by its cluster's identity; both are restored whole")
