"""What may happen to the bucket of the copies, and to what is in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rehearsal.images import trial
from tests.faults.containers.conftest import COPIES, declared
from tests.faults.containers.stack import Stack, reason, wait_for
from tests.faults.watch import Watch
from tests.live.archive.cluster import called, eventually, flipped

pytestmark = [pytest.mark.faults, pytest.mark.live, pytest.mark.timeout(900)]

WHERE = "containers"
LIMIT = "12"
"""Seconds that a call of restic's has here, which asks for 15 minutes else."""


def pushed(stack: Stack) -> None:
    done = stack.script("offsite.sh", "push")
    assert done.returncode == 0, done.stderr


def copied(stack: Stack) -> str:
    """The newest copy."""
    return str(json.loads(stack.text("offsite.json"))["name"])


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("down", marks=pytest.mark.fault("the bucket of the copies is away", WHERE)),
        pytest.param("forbidden", marks=pytest.mark.fault("the keys of the copies expire", WHERE)),
        pytest.param("full", marks=pytest.mark.fault("the bucket of the copies is full", WHERE)),
        pytest.param(
            "forgets", marks=pytest.mark.fault("the bucket of the copies says yes and keeps nothing", WHERE)
        ),
    ],
)
def test_the_bucket_takes_nothing(stack: Stack, watch: Watch, fault: str) -> None:
    pushed(stack)
    before = copied(stack)
    stack.copies.fault(fault)  # type: ignore[arg-type]
    dump = stack.dumped()
    done = stack.script("offsite.sh", "push", OPEN_SECONDS=LIMIT, LIMIT=LIMIT)
    assert done.returncode != 0
    assert copied(stack) == before, "it does not count"
    stack.copies.fault(None)
    watch.over()
    pushed(stack)
    watch.healed(lambda: copied(stack) == dump.stem)
    said = reason(done.stderr)
    watch.counted(f"“{said.replace(dump.stem, 'the dump')}”; made up for")


@pytest.mark.fault("the backup's container is killed while it copies", WHERE)
def test_the_backup_is_killed_while_it_copies(stack: Stack, watch: Watch) -> None:
    pushed(stack)
    dump = stack.dumped()
    stack.begin("backup", *called("offsite.sh"), "push")
    wait_for(lambda: (stack.backups / ".outgoing").exists(), 60)
    watch.struck()
    stack.kill("backup")
    stack.start("backup")
    watch.healed(lambda: copied(stack) == dump.stem)
    assert stack.script("offsite.sh", "restic", "check", "--read-data", "--retry-lock=2m").returncode == 0
    watch.counted("it copies again when it starts, and the repository is whole")


def packs(stack: Stack) -> list[Path]:
    """The biggest first: what the dump is in."""
    folder = stack.copies.folder / COPIES / stack.stack / "data"
    return sorted(folder.rglob("*/*"), key=lambda path: -path.stat().st_size)


def lost(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(flipped, marks=pytest.mark.fault("a bit is flipped in a copy in the bucket", WHERE)),
        pytest.param(lost, marks=pytest.mark.fault("an object of a copy is lost in the bucket", WHERE)),
    ],
)
def test_a_copy_is_damaged(stack: Stack, watch: Watch, damage) -> None:  # type: ignore[no-untyped-def]
    """The runbook's way: the copy's dumps are here, so that the repository is mended from them."""
    dump = stack.dumped()
    pushed(stack)
    watch.struck()
    (newest, *_) = sorted(packs(stack), key=lambda path: -path.stat().st_mtime)
    big = next(path for path in packs(stack) if path.stat().st_mtime >= newest.stat().st_mtime - 30)
    whole = big.read_bytes()
    damage(big)
    stack.run("backup", "touch", "/backups/offsite-damaged")  # so that all is read, and not a part of it
    checked = stack.script("offsite.sh", "push")
    assert checked.returncode == 1, "it was not found"
    assert stack.health()[0] == 1
    for path in stack.backups.glob(f"*/{dump.stem}.*"):
        path.rename(path.with_suffix(f"{path.suffix}.aside"))
    fetched = stack.script("offsite.sh", "fetch", dump.stem, "jira")
    assert fetched.returncode == 1
    assert not dump.exists()
    for path in stack.backups.glob("*/*.aside"):
        path.rename(path.with_suffix(""))
    big.write_bytes(whole)
    pushed(stack)
    watch.healed(lambda: stack.health()[0] == 0)
    watch.counted(f"“{reason(checked.stderr).partition(';')[0]}”; not fetched: “{reason(fetched.stderr)}”")


@pytest.mark.fault("answers of the copies' bucket are cut in half while a copy is fetched", WHERE)
def test_answers_are_cut(stack: Stack, watch: Watch) -> None:
    dump = stack.dumped()
    pushed(stack)
    before = dump.read_bytes()
    for path in stack.backups.glob(f"*/{dump.stem}.*"):
        path.unlink()
    stack.copies.fault("cut", count=4)
    watch.struck()
    fetched = stack.script("offsite.sh", "fetch", dump.stem, "jira", "temporal", "temporal_visibility")
    assert fetched.returncode == 0, fetched.stderr
    assert dump.read_bytes() == before
    watch.healed()
    watch.counted("asked for again, and fetched whole")


@pytest.mark.fault("another passphrase for the copies", WHERE)
def test_another_passphrase(stack: Stack, watch: Watch) -> None:
    watch.struck()
    other = (
        "export RESTIC_PASSWORD=another-one; bash /etc/jira/offsite.sh list"  # after the secrets were given
    )
    listed = stack.run("backup", "/bin/sh", "/run/jira/entrypoint.sh", "--", "bash", "-c", other)
    assert listed.returncode == 1
    assert "it is encrypted with another passphrase than offsite_passphrase" in listed.stderr
    watch.healed()
    watch.counted(f"“{reason(listed.stderr)}”")


@pytest.mark.fault("the bucket of the copies is emptied", WHERE)
def test_the_bucket_is_emptied(stack: Stack, watch: Watch) -> None:
    folder = stack.copies.folder / COPIES / stack.stack
    stack.dumped()
    watch.struck()
    folder.rename(folder.with_name("aside"))
    try:
        made = stack.script("offsite.sh", "push", OPEN_SECONDS=LIMIT)
        assert made.returncode == 1
    finally:
        folder.with_name("aside").rename(folder)
    pushed(stack)
    watch.healed()
    watch.counted(f"“{reason(made.stderr).partition(';')[0]}”")


@pytest.mark.fault("two stacks copy into one repository by mistake", WHERE)
def test_two_stacks_in_one_repository(stack: Stack, watch: Watch, client, images, buckets) -> None:  # type: ignore[no-untyped-def]
    repository = f"s3:{stack.copies.endpoint}/{COPIES}/{stack.stack}"
    with trial.started(client, images, print, declared(*buckets)) as name:
        other = Stack(name, stack.storage, stack.copies, stack.folder)
        eventually(lambda: other.text("offsite.json") != "")
        watch.struck()
        (other.backups / "offsite.json").unlink()
        done = other.script("offsite.sh", "push", RESTIC_REPOSITORY=repository)
        assert done.returncode == 0, done.stderr
        theirs = copied(other)
        own = stack.dumped()
        pushed(stack)
        assert copied(stack) == own.stem
        for one, of in ((stack, own.stem), (other, theirs)):
            expected = {path: path.read_bytes() for path in one.backups.glob(f"*/{of}.dump")}
            assert len(expected) == 3
            for path in expected:
                path.unlink()
            done = one.script(
                "offsite.sh",
                "fetch",
                of,
                *(path.parent.name for path in expected),
                RESTIC_REPOSITORY=repository,
            )
            assert done.returncode == 0, done.stderr
            assert {path: path.read_bytes() for path in expected} == expected
    watch.healed()
    watch.counted("each prunes its own, by its cluster's identity; both are fetched whole")
