"""Buckets in a Cloudflare account, of a machine that boots: made, written to with the keys that were made.

In the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rehearsal.storage import Storage
from tests.live.stacks.stand import Stand
from tests.playbook.graphql import Api
from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(1800)]
BACKUP = {
    "r2": {"account_id": "abcdef0123456789abcdef0123456789"},
    "offsite": {"bucket": "uat-copies"},
    "point_in_time": {"bucket": "uat-log"},
}
IN_BACKUP = "docker exec jira-uat-backup /bin/sh /run/jira/entrypoint.sh -- bash /etc/jira"


@pytest.fixture(scope="module")
def stand(folder: Path) -> Iterator[Stand]:
    with closing(Stand(folder, "uat", {"backup": BACKUP})) as stand:
        yield stand


def test_copies_and_log_leave_with_the_keys_that_were_made(stand: Stand, target: Target) -> None:
    storage = Storage.of(stand.rehearsal.state / "cloud" / "storage")
    assert sorted(key["buckets"][0] for key in storage.keys.values()) == ["uat-copies", "uat-log"]
    with target.http() as client:
        Api(target, client).login().create("it outlives the machine")
    target.ssh(f"{IN_BACKUP}/backup.sh manual")
    target.ssh(f"{IN_BACKUP}/offsite.sh push")
    seconds_until("it is well", lambda: target.health()["backup"] == "healthy", 240)
    data = storage.home / "data"
    assert list((data / "uat-copies" / "uat" / "snapshots").iterdir())
    assert list((data / "uat-log").rglob("*.zst*")), "the log, too"


def test_it_comes_back_from_the_buckets_alone(stand: Stand, target: Target) -> None:
    """The machine and the state are lost; the keys are made anew, and the buckets are taken over."""
    storage = Storage.of(stand.rehearsal.state / "cloud" / "storage")
    before = set(storage.keys)
    stand.run("recover")
    assert len(set(storage.keys) - before) == 2
    again = stand.target()
    titles = again.ssh(
        "docker exec jira-uat-postgres psql -XAtqU postgres jira -c 'select title from issues'"
    )
    assert "it outlives the machine" in titles
