"""A file of the log that is there and cannot be read: a replay must not take it for the end of the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.archive.cluster import Cluster

pytestmark = pytest.mark.live


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flipped, emptied])
def test_what_cannot_be_read_is_not_the_end_of_the_log(
    cluster: Cluster, damage: Callable[[Path], None]
) -> None:
    cluster.sql("drop table if exists late; create table late (n int)")
    for number in range(3):
        cluster.sql(f"insert into late values ({number})")
        cluster.archived()
    files = [path for path in cluster.objects("archive/{}/15-1/*/*") if path.suffix == ".zst"]
    whole = files[-2].read_bytes()
    damage(files[-2])
    made = cluster.script("moment.sh", cluster.identity, "newest", "end-moment", "jira")
    print(made.stderr)
    assert made.returncode == 1, f"it ended before: {cluster.text('jira/end-moment.content')}"
    assert "its log could not be replayed: " in made.stderr
    files[-2].write_bytes(whole)
    made = cluster.script("moment.sh", cluster.identity, "newest", "end-moment", "jira")
    assert made.returncode == 0, made.stderr
    assert "table public.late 3 " in cluster.text("jira/end-moment.content")
