"""What may go wrong with the log's bucket: nothing that was committed is lost, and it is told in one line."""

from __future__ import annotations

import re
import subprocess
import time

import pytest

from components.services.archive import PUSH_SECONDS
from tests.live.archive.cluster import ARCHIVE_SECONDS, BUCKET, PSQL, Cluster, eventually, flipped

pytestmark = [pytest.mark.live, pytest.mark.nightly]

BUSY_SECONDS = 10
"""What a machine with other work may take longer."""


def healthy(cluster: Cluster, **variables: str) -> tuple[int, str]:
    done = cluster.script("healthcheck.sh", **variables)
    return done.returncode, done.stdout


@pytest.mark.parametrize("fault", ["slow_down", "forbidden", "down", "full"])
def test_a_bucket_that_takes_nothing_delays_the_log_and_the_server_runs_on(
    cluster: Cluster, fault: str
) -> None:
    started = cluster.sql("select pg_postmaster_start_time()")
    cluster.sql(f"create table delayed_{fault} (n int)")
    cluster.storage.fault(fault)  # type: ignore[arg-type]
    cluster.sql(f"insert into delayed_{fault} values (1); select pg_switch_wal()")
    failing = "select last_failed_wal > coalesce(last_archived_wal, '') from pg_stat_archiver"
    eventually(lambda: cluster.sql(failing) == "t")
    time.sleep(1)
    cluster.sql(f"insert into delayed_{fault} values (2)")
    code, said = healthy(cluster, LIFE_SECONDS="0")
    assert code == 1
    assert "the log has been waiting for 0 minutes to leave the machine" in said
    tended = cluster.script("archive.sh", "tend", WAITING_SECONDS="0", PGBACKREST_IO_TIMEOUT="5")
    print(f"{fault}: {tended.stderr}")
    if fault != "full":  # the question is answered
        assert tended.returncode == 1
        assert "the log waits to be sent" in tended.stderr
    cluster.storage.fault(None)
    cluster.archived()
    assert cluster.script("archive.sh", "tend").returncode == 0
    assert cluster.text("archive-failure.json") == ""
    assert healthy(cluster)[0] == 0
    assert cluster.sql("select pg_postmaster_start_time()") == started, "no crash"


def test_a_file_of_the_log_that_is_lost_is_found_and_a_full_backup_begins_anew(cluster: Cluster) -> None:
    for _ in range(3):
        cluster.sql("create table if not exists lost (n int); insert into lost values (1)")
        cluster.archived()
    files = cluster.log_files
    label = cluster.text("archive.json")
    files[-2].unlink()
    checked = cluster.script("archive.sh", "gaps")
    assert checked.returncode == 1
    assert (
        f"the log off the machine has a gap: {files[-3].name[:24]} is there, then {files[-1].name[:24]}"
        in checked.stderr
    )
    code, said = healthy(cluster)
    assert (code, "the log off the machine has a gap" in said) == (1, True)
    tended = cluster.script("archive.sh", "tend")
    assert tended.returncode == 0, tended.stderr
    assert cluster.text("archive.json") != label
    assert healthy(cluster)[0] == 0
    assert cluster.script("archive.sh", "gaps").returncode == 0, "what came before is not judged again"


def test_a_service_that_takes_the_log_and_keeps_nothing_is_found(cluster: Cluster) -> None:
    cluster.storage.fault("forgets")
    cluster.sql("create table forgotten (n int)")
    cluster.archived()
    cluster.storage.fault(None)
    checked = cluster.script("archive.sh", "gaps")
    assert checked.returncode == 1
    assert "the service has taken" in checked.stderr or "is there, then" in checked.stderr
    assert cluster.script("archive.sh", "tend").returncode == 0


def test_a_backup_that_was_not_kept_does_not_count(cluster: Cluster) -> None:
    before = cluster.text("archive.json")
    cluster.storage.fault("forgets")
    made = cluster.script("archive.sh", "backup", "full", PGBACKREST_ARCHIVE_TIMEOUT="5")
    assert made.returncode == 1
    print(made.stderr)
    assert cluster.text("archive.json") == before
    cluster.storage.fault(None)
    assert cluster.script("archive.sh", "backup", "full").returncode == 0


def test_another_passphrase_is_told(cluster: Cluster) -> None:
    cluster.script("archive.sh", "tend")
    listed = cluster.with_another_passphrase("archive.sh list")
    assert listed.returncode == 1
    assert "it is encrypted with another passphrase than archive_passphrase" in listed.stderr


def test_a_damaged_backup_is_not_restored_from(cluster: Cluster) -> None:
    assert cluster.script("archive.sh", "backup", "full").returncode == 0
    flipped(cluster.objects("backup/{}/*F/bundle/*")[-1])
    made = cluster.script("moment.sh", cluster.identity, "newest", "bad-moment", "jira")
    assert made.returncode == 1
    print(made.stderr)
    assert "the cluster could not be fetched" in made.stderr
    assert cluster.script("archive.sh", "backup", "full").returncode == 0
    assert cluster.script("moment.sh", cluster.identity, "newest", "good-moment", "jira").returncode == 0


def test_an_emptied_bucket_is_an_error_and_no_beginning(cluster: Cluster) -> None:
    folder = cluster.storage.folder / BUCKET / cluster.stack
    aside = folder.with_name("aside")
    folder.rename(aside)
    try:
        made = cluster.script("archive.sh", "backup", "full")
        assert made.returncode == 1
        assert "the bucket was emptied, or is another one" in made.stderr
    finally:
        aside.rename(folder)
    assert cluster.script("archive.sh", "tend").returncode == 0


def test_a_stop_ends_in_time_while_the_bucket_is_away(cluster: Cluster) -> None:
    """The server tries to send its log before it ends; a kill would mean a recovery."""
    cluster.storage.fault("down")
    cluster.sql("create table stopped (n int); insert into stopped values (1); select pg_switch_wal()")
    container = cluster.container("postgres")
    begun = time.monotonic()
    subprocess.run(["docker", "stop", "--timeout=120", container], check=True, capture_output=True)
    seconds = time.monotonic() - begun
    print(f"stopped after {seconds:.0f} s")
    log = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    assert log.stderr.rstrip().endswith("database system is shut down")
    cluster.storage.fault(None)
    subprocess.run(["docker", "start", container], check=True, capture_output=True)
    eventually(lambda: cluster.run("postgres", "pg_isready", "-q").returncode == 0)
    assert cluster.sql("select count(*) from stopped") == "1"
    cluster.archived()


def test_a_machine_that_is_gone_at_once_takes_the_last_seconds_and_no_more(cluster: Cluster) -> None:
    """Counted in commits that were acknowledged, while the log is sent every ARCHIVE_SECONDS.

    Right after a start as well, when Postgres does not mind archive_timeout by itself.
    """
    cluster.sql("create table acknowledged (n int)")
    cluster.archived()
    subprocess.run(["docker", "restart", cluster.container("postgres")], check=True, capture_output=True)
    eventually(lambda: cluster.run("postgres", "pg_isready", "-q", "-h", "127.0.0.1").returncode == 0)
    container, identity = cluster.container("postgres"), cluster.identity
    writer = subprocess.Popen(
        ["docker", "exec", "-i", container, *PSQL, "jira"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    acknowledged: list[float] = []
    end = time.monotonic() + 3.5 * ARCHIVE_SECONDS
    while time.monotonic() < end:
        writer.stdin.write(f"insert into acknowledged values ({len(acknowledged)}) returning n;\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == f"{len(acknowledged)}\n"
        acknowledged.append(time.monotonic())
        time.sleep(0.02)
    subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    killed = time.monotonic()
    writer.communicate()
    try:
        made = cluster.script("moment.sh", identity, "newest", "gone-moment", "jira")
        assert made.returncode == 0, made.stderr
    finally:
        subprocess.run(["docker", "start", container], check=True, capture_output=True)
        eventually(lambda: cluster.run("postgres", "pg_isready", "-q", "-h", "127.0.0.1").returncode == 0)
    (rows,) = re.findall(r"^table public.acknowledged (\d+) ", cluster.text("jira/gone-moment.content"), re.M)
    kept = int(rows)
    lost = killed - acknowledged[kept]
    print(f"{len(acknowledged)} acknowledged, {len(acknowledged) - kept} lost: {lost:.1f} s")
    assert kept >= 1
    assert lost < ARCHIVE_SECONDS + PUSH_SECONDS + BUSY_SECONDS
    assert cluster.sql("select count(*) from acknowledged") == str(len(acknowledged)), "the disk was not gone"
