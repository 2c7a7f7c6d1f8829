"""Any moment is had back from the log off the machine, as it was then."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import UTC, datetime

import pytest

from tests.live.archive.cluster import Cluster

pytestmark = pytest.mark.live


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}+00"


def test_a_new_stack_is_healthy_once_its_first_backup_was_read_back(cluster: Cluster) -> None:
    assert json.loads(cluster.text("archive.json"))["cluster"] == cluster.identity
    said = cluster.script("healthcheck.sh")
    assert said.returncode == 0
    assert "the last good backup with the log is 0 h old" in said.stdout


def test_a_moment_is_had_back_to_the_row(cluster: Cluster) -> None:
    cluster.sql("create table t (n int); insert into t select generate_series(1, 1000)")
    time.sleep(0.1)
    moment = now()
    time.sleep(0.1)
    cluster.sql("delete from t where n > 10")
    made = cluster.script("moment.sh", cluster.identity, moment, "then-moment", "jira", "temporal")
    assert made.returncode == 0, made.stderr
    assert "table public.t 1000 " in cluster.text("jira/then-moment.content")
    assert cluster.run("backup", "test", "-s", "/backups/temporal/then-moment.dump").returncode == 0
    assert cluster.run("backup", "ls", "-A", "/backups/.moment").returncode != 0
    assert cluster.sql("select count(*) from t") == "10", "what serves was not touched"


def test_just_now_is_a_moment_too(cluster: Cluster) -> None:
    """The log of the last minute is sent at once for it, whether or not anything was written since."""
    cluster.sql("create table just (n int); insert into just values (1), (2)")
    made = cluster.script("moment.sh", cluster.identity, now(), "just-moment", "jira")
    assert made.returncode == 0, made.stderr
    assert "table public.just 2 " in cluster.text("jira/just-moment.content")


@pytest.mark.parametrize(
    ("cluster_name", "target", "words"),
    [
        (
            "{}",
            "2030-01-01 00:00:00+00",
            "nothing was committed at 2030-01-01 00:00:00+00 or later, as far as",
        ),
        (
            "{}",
            "2020-01-01 00:00:00+00",
            "unable to find backup set with stop time less than '2020-01-01 00:00:00+00'",
        ),
        ("123", "newest", "there is no backup of the cluster 123 off the machine"),
    ],
)
def test_what_cannot_be_had_back_is_told_and_leaves_nothing(
    cluster: Cluster, cluster_name: str, target: str, words: str
) -> None:
    made = cluster.script("moment.sh", cluster_name.format(cluster.identity), target, "no-moment", "jira")
    assert made.returncode == 1
    assert words in made.stderr
    left = cluster.run("backup", "find", "/backups", "-name", "*no-moment*", "-o", "-name", ".moment").stdout
    assert left == ""


def test_too_small_a_disk_is_told_before_anything_is_fetched(cluster: Cluster) -> None:
    made = cluster.script("moment.sh", cluster.identity, "newest", "no-moment", "jira", RESERVE_MB="99999999")
    assert made.returncode == 1
    assert "and the backups' disk has" in made.stderr


def test_a_name_before_a_release_takes_no_dump_once_its_log_is_off_the_machine(cluster: Cluster) -> None:
    cluster.sql("create table before (n int); insert into before values (1)")
    begun = time.monotonic()
    made = cluster.script("backup.sh", "release")
    seconds = time.monotonic() - begun
    assert made.returncode == 0, made.stderr
    assert "the log up to this moment is off the machine" in made.stdout
    print(f"{seconds:.1f} s")
    name, epoch, of = cluster.text("points").split()[-3:]
    assert (name[-8:], of) == ("-release", cluster.identity)
    assert cluster.run("backup", "test", "-e", f"/backups/jira/{name}.dump").returncode == 1
    cluster.sql("drop table before")
    moment = f"{datetime.fromtimestamp(float(epoch), UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    made = cluster.script("moment.sh", cluster.identity, moment, name, "jira")
    assert made.returncode == 0, made.stderr
    assert "table public.before 1 " in cluster.text(f"jira/{name}.content")


def test_a_release_whose_log_does_not_leave_makes_a_dump(cluster: Cluster) -> None:
    cluster.sql("create table held (n int)")
    cluster.storage.fault("slow_down")
    made = cluster.script("backup.sh", "release", POINT_SECONDS="3")
    assert made.returncode == 0, made.stderr
    assert "the log did not leave the machine within 3 s: a dump is made instead" in made.stdout
    assert json.loads(cluster.text("status.json"))["kind"] == "release"


def test_the_log_of_a_former_cluster_goes_when_it_is_as_old_as_any_moment(cluster: Cluster) -> None:
    """With the next full backup, and one that ended yesterday stays."""
    for part in ("archive", "backup"):
        (own,) = cluster.objects(f"{part}/{{}}")
        for former, days in (("1111111111111111111", 20), ("2222222222222222222", 1)):
            other = own.with_name(former)
            shutil.copytree(own, other)
            for file in other.rglob("*"):
                os.utime(file, (time.time() - days * 86400,) * 2)
    made = cluster.script("archive.sh", "backup", "full")
    assert made.returncode == 0, made.stderr
    assert "the log of the former cluster 1111111111111111111 was deleted" in made.stdout
    listed = cluster.script("archive.sh", "list").stdout.split("\n")
    assert {line.split()[0] for line in listed if line} == {cluster.identity, "2222222222222222222"}
    assert cluster.script("archive.sh", "tend").returncode == 0
    assert cluster.script("healthcheck.sh").returncode == 0
    for part in ("archive", "backup"):
        shutil.rmtree(cluster.objects(f"{part}/{{}}")[0].with_name("2222222222222222222"))
