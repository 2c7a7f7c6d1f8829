"""The log and the backups that it is replayed on, at an S3 service of others than the rehearsal's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.s3 import S3Server
from rehearsal.storage import Storage
from tests.live.archive.cluster import BUCKET, Cluster
from tests.live.seaweedfs import SeaweedFS

pytestmark = [pytest.mark.live, pytest.mark.nightly]


@pytest.fixture(scope="module")
def storage(account: Storage) -> Iterator[S3Server]:
    with SeaweedFS((BUCKET,), account) as server:
        yield server


def test_log_backups_and_a_moment_are_there_as_they_were_sent(cluster: Cluster) -> None:
    cluster.sql("create table kept (n int); insert into kept select generate_series(1, 1000)")
    for kind in ("diff", "full", "incr"):
        made = cluster.script("archive.sh", "backup", kind)
        assert made.returncode == 0, made.stderr
        cluster.sql("insert into kept values (0)")
    cluster.archived()
    checked = cluster.script("archive.sh", "gaps")
    assert checked.returncode == 0, checked.stderr
    restored = cluster.script("moment.sh", cluster.identity, "newest", "newest-moment", "jira")
    assert restored.returncode == 0, restored.stderr
    assert "table public.kept 1003 " in cluster.text("jira/newest-moment.content")


def test_what_it_refuses_for_a_while_is_sent_later(cluster: Cluster) -> None:
    cluster.storage.fault("slow_down", count=4)
    cluster.sql("create table late (n int)")
    cluster.archived()
    assert cluster.storage.struck == 4
    assert cluster.script("archive.sh", "tend").returncode == 0
    assert cluster.script("healthcheck.sh").returncode == 0
