"""Copies at an S3 service of others than the rehearsal's."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from rehearsal.s3 import S3Server
from tests.components.backup.test_offsite import Run, backed_up, copied
from tests.components.services.conftest import Server
from tests.live.seaweedfs import SeaweedFS

pytestmark = [pytest.mark.live, pytest.mark.nightly]


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    with SeaweedFS() as storage:
        yield storage


def test_a_copy_is_fetched_as_it_was_sent(server: Server, backups: Path, offsite: Run) -> None:
    name = backed_up(server, backups, "manual")
    pushed = offsite("push")
    assert pushed.returncode == 0, pushed.stderr
    dump = backups / "jira" / f"{name}.dump"
    sent = sha256(dump.read_bytes()).hexdigest()
    dump.unlink()
    fetched = offsite("fetch", name, "jira")
    assert fetched.returncode == 0, fetched.stderr
    assert sha256(dump.read_bytes()).hexdigest() == sent


def test_what_it_refuses_for_a_while_is_sent_later(
    server: Server, backups: Path, storage: S3Server, offsite: Run
) -> None:
    backed_up(server, backups)
    assert offsite("push").returncode == 0
    name = backed_up(server, backups, "manual")
    storage.fault("slow_down", count=4)
    pushed = offsite("push", OPEN_SECONDS="60")
    assert storage.struck == 4
    assert pushed.returncode == 0, pushed.stderr
    assert name in copied(offsite)
