"""What may go wrong at the bucket: it is told in one line, and the next push makes up for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.s3 import S3Server
from tests.components.backup.test_offsite import Run, backed_up, copied, former_and_own, health, reason
from tests.components.services.conftest import Server

pytestmark = [pytest.mark.live, pytest.mark.nightly]

LIMIT = "12"
"""Seconds that a call of restic's has here, which asks for 15 minutes else."""


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "slow_down", "count": 4},
        {"name": "down", "count": 4},
        {"name": "cut", "count": 2},
        {"name": "full", "count": 2},
        {"name": "slow", "seconds": 1, "count": 6},
    ],
    ids=lambda fault: fault["name"],
)
def test_what_passes_delays_a_copy_and_no_more(
    server: Server, backups: Path, storage: S3Server, offsite: Run, fault: dict[str, Any]
) -> None:
    backed_up(server, backups)
    assert offsite("push").returncode == 0
    name = backed_up(server, backups, "manual")
    storage.fault(**fault)
    pushed = offsite("push", OPEN_SECONDS="60")
    assert storage.struck == fault["count"], "it was met"
    assert pushed.returncode == 0, pushed.stderr
    assert name in copied(offsite)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "slow_down",
            "the repository cannot be opened: asked for 12 s in vain: Stat: Please reduce your request",
        ),
        ("down", "the repository cannot be opened: asked for 12 s in vain: Stat: Get https://"),
        (
            "forbidden",
            "the repository cannot be opened: asked for 12 s in vain: Stat: The access key does not",
        ),
        ("full", "could not be copied: asked for 12 s in vain: client.PutObject: No space left on device."),
        ("forgets", ""),
    ],
)
def test_what_stays_is_told_and_made_up_for_when_it_is_over(
    server: Server, backups: Path, storage: S3Server, offsite: Run, fault: str, words: str
) -> None:
    first = backed_up(server, backups, "manual")
    assert offsite("push").returncode == 0
    second = backed_up(server, backups, "manual")
    storage.fault(fault)  # type: ignore[arg-type]
    assert offsite("push", OPEN_SECONDS=LIMIT, LIMIT=LIMIT).returncode != 0
    assert storage.struck > 0
    said = reason(backups)
    print(f"{fault}: {said}")
    assert words in said
    assert json.loads((backups / "offsite.json").read_text())["name"] == first, "the second does not count"
    code, healthy = health(offsite, LIFE_SECONDS="0")
    assert code == 0, "the first is young enough"
    assert healthy.endswith(f"the last good copy off the machine is 0 h old; since then: {said}\n")
    storage.fault(None)
    pushed = offsite("push")
    assert pushed.returncode == 0, pushed.stderr
    assert copied(offsite) == [first, second]
    assert offsite("restic", "check", "--read-data").returncode == 0
    assert not (backups / "offsite-failure.json").exists()


def test_a_bucket_that_takes_nothing_any_more_is_restored_from(
    server: Server, backups: Path, storage: S3Server, offsite: Run
) -> None:
    name = backed_up(server, backups)
    assert offsite("push").returncode == 0
    for path in backups.glob(f"*/{name}.*"):
        path.unlink()
    storage.fault("full")
    assert copied(offsite) == [name]
    fetched = offsite("fetch", name, "jira")
    assert fetched.returncode == 0, fetched.stderr
    assert storage.struck == 0


def test_two_machines_that_take_one_path_for_theirs_do_not_hurt_each_other(
    server: Server, backups: Path, offsite: Run
) -> None:
    """Two stacks on one bucket and name by mistake, with one passphrase: both have their copies."""
    first, second = former_and_own(server, backups, offsite, "600")
    assert copied(offsite) == [first, second]


def test_a_copy_from_the_bucket_is_the_dump_that_was_proven(
    server: Server, backups: Path, storage: S3Server, offsite: Run
) -> None:
    """Also where each answer of the service's comes in two halves."""
    name = backed_up(server, backups)
    assert offsite("push").returncode == 0
    before = {path: path.read_bytes() for path in backups.glob(f"*/{name}.*")}
    for path in before:
        path.unlink()
    storage.fault("cut", count=2)
    fetched = offsite("fetch", name, "jira", "temporal", "temporal_visibility")
    assert fetched.returncode == 0, fetched.stderr
    assert {path: path.read_bytes() for path in before} == before
