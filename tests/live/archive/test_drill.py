"""Drills of the log: the newest backup is fetched and its log replayed, as if the machine were gone."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.archive.conftest import BUCKET, Cluster, eventually

pytestmark = [pytest.mark.live, pytest.mark.nightly]

DATABASES = ("jira", "temporal", "temporal_visibility")


def drill(cluster: Cluster, **variables: str) -> subprocess.CompletedProcess[str]:
    done = cluster.script("drill.sh", "run", "log", **variables)
    print(done.stdout, done.stderr)
    return done


def evidence(cluster: Cluster) -> dict[str, Any]:
    """Of the last drill, which is one line, and stands in the row of all as well; nothing else is left."""
    text = cluster.text("drill-log.json")
    found: dict[str, Any] = json.loads(text)
    assert text.count("\n") == 1
    assert found["kind"] == "log"
    assert cluster.text(f"drills/{found['stamp']}-log.json") == text
    assert cluster.text(f"drills/{found['stamp']}-log.md").startswith(
        f"# The drill of the log of {found['stamp']}"
    )
    nothing_left(cluster)
    return found


def nothing_left(cluster: Cluster) -> None:
    assert cluster.run("backup", "test", "-e", "/backups/.drill").returncode == 1
    assert len(servers(cluster)) == 0


def servers(cluster: Cluster) -> list[str]:
    """The processes of Postgres' own in the backup's container."""
    names = cluster.run("backup", "bash", "-c", "cat /proc/[0-9]*/comm 2>/dev/null").stdout.split()
    return [name for name in names if name == "postgres"]


def failed(cluster: Cluster, done: subprocess.CompletedProcess[str]) -> str:
    """The reason, which the health tells as well."""
    assert done.returncode == 1
    found = evidence(cluster)
    assert found["ok"] is False
    said = cluster.script("healthcheck.sh", LIFE_SECONDS="0").stdout
    assert f"the last drill of the log failed: {found['reason']}" in said
    shown = cluster.script("drill.sh", "show", "log")
    assert shown.returncode == 1
    assert f"{found['reason']}." in shown.stdout
    return str(found["reason"])


def test_a_new_stack_makes_its_first_by_itself(cluster: Cluster) -> None:
    assert json.loads(cluster.text("drill-log.json"))["ok"] is True
    assert "the last good drill of the log was 0 days ago" in cluster.script("healthcheck.sh").stdout
    assert int(cluster.text("drill-log-awaited")) > 0


def test_the_log_is_replayed_to_its_end_checked_and_measured(cluster: Cluster) -> None:
    cluster.sql(
        "create table drilled (n int primary key, at timestamptz default now());"
        "insert into drilled select generate_series(1, 1000)"
    )
    cluster.archived()
    began = time.time()
    assert drill(cluster).returncode == 0
    found = evidence(cluster)
    assert found["ok"] is True
    assert found["good"] == found["began"] >= int(began)
    assert found["name"] == json.loads(cluster.text("archive.json"))["label"]
    assert set(found["databases"]) == set(DATABASES)
    assert found["databases"]["jira"]["rows"] >= 1000
    parts = [found[f"{part}_seconds"] for part in ("fetch", "replay", "check")]
    assert sum(parts) == found["rto_seconds"] <= time.time() - began + 1
    assert found["newest_in"] == "public.drilled.at"
    assert found["newest"] <= found["last_commit"]
    assert found["log_mb"] >= 16
    page = cluster.script("drill.sh", "show", "log").stdout
    assert re.search(
        r"\| from nothing to checked \| \d+ s \(\d+ s to fetch, \d+ s to replay, \d+ s to check\)", page
    )


def test_an_idle_database_has_lost_nothing(cluster: Cluster) -> None:
    """However long ago the last commit was."""
    cluster.sql("create table if not exists counted (n int)")
    cluster.archived()
    time.sleep(3)
    assert drill(cluster).returncode == 0
    found = evidence(cluster)
    assert (found["lost"], found["rpo_seconds"]) == (0, 0)
    page = cluster.script("drill.sh", "show", "log").stdout
    last = found["last_commit"]
    assert (
        f"| lost, had the machine gone then | nothing: the last commit, of {last}, was in the log |" in page
    )


def test_commits_that_are_not_off_the_machine_are_counted_from_the_oldest_on(cluster: Cluster) -> None:
    cluster.sql("create table if not exists counted (n int)")
    cluster.archived()
    time.sleep(5)  # in which nothing is lost
    cluster.storage.fault("full")  # what is there can be read
    began = time.monotonic()
    for n in range(5):
        cluster.sql(f"insert into counted values ({n})")
    time.sleep(3)
    assert drill(cluster).returncode == 0
    took = time.monotonic() - began
    found = evidence(cluster)
    assert found["lost"] == 5
    assert 3 <= found["rpo_seconds"] <= took + 1
    assert (
        f"| 5 commits, of the last {found['rpo_seconds']} s |"
        in cluster.script("drill.sh", "show", "log").stdout
    )
    cluster.storage.fault(None)
    cluster.archived()


def test_without_a_server_the_loss_is_told_as_at_most(cluster: Cluster) -> None:
    """A drill asks nothing of it that it needs."""
    container = cluster.container("postgres")
    cluster.sql("create table if not exists counted (n int); insert into counted values (0)")
    subprocess.run(["docker", "stop", "--timeout=120", container], check=True, capture_output=True)
    try:
        assert drill(cluster).returncode == 0
        found = evidence(cluster)
    finally:
        subprocess.run(["docker", "start", container], check=True, capture_output=True)
        eventually(lambda: cluster.run("postgres", "pg_isready", "-q").returncode == 0)
    assert found["lost"] is None
    assert found["rpo_seconds"] > 0
    assert "| at most what was written in the last" in cluster.script("drill.sh", "show", "log").stdout


@contextmanager
def flipped(path: Path) -> Iterator[None]:
    """A bit of it, in its midst."""
    whole = path.read_bytes()
    at = len(whole) // 2
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    yield
    path.write_bytes(whole)


@contextmanager
def gone(path: Path) -> Iterator[None]:
    aside = path.with_name("aside")
    path.rename(aside)
    yield
    aside.rename(path)


def test_a_damaged_backup_is_told_and_a_good_drill_after_it_makes_up_for_it(cluster: Cluster) -> None:
    assert cluster.script("archive.sh", "backup", "full").returncode == 0
    good = json.loads(cluster.text("drill-log.json"))["good"]
    with flipped(cluster.objects("backup/{}/*F/bundle/*")[-1]):
        assert failed(cluster, drill(cluster)).startswith("the cluster could not be fetched: ")
    assert evidence(cluster)["good"] == good, "the last good one is not forgotten"
    assert cluster.script("drill.sh", "due", "log").returncode == 1, "not at once"
    assert drill(cluster).returncode == 0
    said = cluster.script("healthcheck.sh", LIFE_SECONDS="0").stdout
    assert "the last good drill of the log was 0 days ago" in said


@pytest.mark.parametrize(("harm", "which"), [(gone, -2), (flipped, -2), (flipped, -1)])
def test_a_file_of_the_log_that_is_lost_or_damaged_is_no_end_of_it(
    cluster: Cluster, harm: Callable[[Path], AbstractContextManager[None]], which: int
) -> None:
    """Postgres takes it for that, and serves what came before without a word; so does a restore."""
    for _ in range(3):
        cluster.sql("create table if not exists ended (n int); insert into ended values (1)")
        cluster.archived()
    files = cluster.log_files
    with harm(files[which]):
        reason = failed(cluster, drill(cluster))
        made = cluster.script("moment.sh", cluster.identity, "newest", "cut-moment", "jira")
    assert reason.startswith(f"its log could not be replayed to its end, which is in {files[-1].name[:24]}: ")
    assert ("a file before that is missing" in reason) == (harm is gone)
    assert "; the last commit that came back is of 20" in reason
    assert made.returncode == 1
    assert "its log could not be replayed to its end" in made.stderr


BREAK_INDEX = """
create table fickle (title text); insert into fickle select 'issue ' || i from generate_series(1, 100) i;
create function mood(text) returns text immutable language sql as 'select md5($1)';
create index broken on fickle (mood(title));
create or replace function mood(text) returns text immutable language sql as 'select $1';
"""


@pytest.mark.parametrize(
    ("harm", "mend", "words"),
    [
        (BREAK_INDEX, "reindex index concurrently public.broken", "jira: pg_amcheck found: "),
        (
            "update pg_collation set collversion = '1.0' where collname = 'und-x-icu'",
            'alter collation pg_catalog."und-x-icu" refresh version',
            "jira: its collation und-x-icu is of version 1.0, and here is ",
        ),
    ],
    ids=["index", "collation"],
)
def test_what_is_not_whole_in_the_server_itself_is_told_and_mended_as_the_runbook_has_it(
    cluster: Cluster, harm: str, mend: str, words: str
) -> None:
    """Copies show none of it: a restore makes indexes anew, and takes the version that is here."""
    cluster.sql(harm)
    cluster.archived()
    assert failed(cluster, drill(cluster)).startswith(words)
    cluster.sql(mend)
    cluster.archived()
    assert drill(cluster).returncode == 0


def test_another_passphrase_an_emptied_bucket_and_one_that_is_away_are_told_as_that(cluster: Cluster) -> None:
    reason = failed(cluster, cluster.with_another_passphrase("drill.sh run log"))
    assert reason.endswith(
        "cannot be listed: it is encrypted with another passphrase than archive_passphrase"
    )
    with gone(cluster.storage.folder / BUCKET / cluster.stack):
        reason = failed(cluster, drill(cluster))
    assert reason == (
        f"the bucket has no backup of the cluster {cluster.identity}, which was made: "
        "it was emptied, or is another one"
    )
    cluster.storage.fault("forbidden")
    assert "cannot be listed: " in failed(cluster, drill(cluster, PGBACKREST_IO_TIMEOUT="5"))


def test_too_small_a_disk_is_told_before_anything_is_fetched(cluster: Cluster) -> None:
    reason = failed(cluster, drill(cluster, RESERVE_MB="99999999"))
    assert reason.startswith("the cluster of 20")
    assert "and the backups' disk has" in reason


SLOW = """
mkdir -p /backups/slow
printf '#!/bin/bash\ntouch /backups/slow/reached; sleep 60\n' >/backups/slow/pg_amcheck
chmod +x /backups/slow/pg_amcheck
"""
END = r"""
for one in /proc/[0-9]*; do
  if tr '\0' ' ' <"$one/cmdline" 2>/dev/null | grep -q '^timeout .*drill.sh timed log'; then
    kill "-$0" "$1${one#/proc/}"
  fi
done
"""


@pytest.mark.parametrize(("signal", "whom"), [("TERM", ""), ("KILL", "-")])
def test_one_that_was_cut_short_leaves_no_evidence_and_is_made_again(
    cluster: Cluster, signal: str, whom: str
) -> None:
    """By a stop of the container, or with no word, when what was begun stays and the next one ends it."""
    before = cluster.text("drill-log.json")
    path = cluster.run("backup", "printenv", "PATH").stdout.strip()
    assert cluster.run("backup", "bash", "-c", SLOW).returncode == 0
    with ThreadPoolExecutor() as pool:
        cut = pool.submit(drill, cluster, PATH=f"/backups/slow:{path}")
        eventually(lambda: cluster.run("backup", "test", "-e", "/backups/slow/reached").returncode == 0)
        assert "postgres" in servers(cluster)
        assert cluster.text(".lock") == "a drill of the log\n"
        assert cluster.run("backup", "bash", "-c", END, signal, whom).returncode == 0
        assert cut.result().returncode == (143 if signal == "TERM" else 137)
    cluster.run("backup", "rm", "-r", "/backups/slow")
    assert cluster.text("drill-log.json") == before
    assert ("postgres" in servers(cluster)) == (signal == "KILL")
    assert drill(cluster).returncode == 0
    assert evidence(cluster)["ok"] is True
