"""What may happen to a dump while it is made, and afterwards where it lies."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.components.services.conftest import on_trial
from tests.faults.containers.stack import Stack, ended, fill, reason, wait_for
from tests.faults.watch import Watch
from tests.live.archive.cluster import called, flipped

pytestmark = [pytest.mark.faults, pytest.mark.live, pytest.mark.timeout(900)]

WHERE = "containers"


def nothing_left(stack: Stack) -> None:
    """Of a run that was cut short, once a drill that may have the cluster is done with it."""
    wait_for(lambda: not [*stack.backups.glob("*/*.partial"), *stack.backups.glob(".scratch")], 90)


@pytest.mark.fault("the server is killed during a dump", WHERE)
def test_the_server_is_killed_during_a_dump(stack: Stack, watch: Watch) -> None:
    dumping = stack.dumping()
    before = stack.newest()
    watch.struck()
    stack.kill("postgres")
    code, said = ended(dumping)
    assert code == 1
    assert stack.newest() == before
    stack.start("postgres")
    stack.answers()
    watch.healed()
    stack.dumped()
    nothing_left(stack)
    watch.counted(f"no dump: “{reason(said)}”; the next is good")


@pytest.mark.fault("the backup's container is killed during a dump", WHERE)
def test_the_backup_is_killed_during_a_dump(stack: Stack, watch: Watch) -> None:
    (stack.backups / "status.json").unlink()  # as if last night's were still to be made
    stack.dumping()
    watch.struck()
    stack.kill("backup")
    stack.start("backup")
    watch.healed(lambda: (stack.backups / "status.json").exists())
    nothing_left(stack)
    watch.counted("made up for at once when it starts, and nothing is left of the first")


@pytest.mark.fault("the backup's container is killed during the trial restore", WHERE)
def test_the_backup_is_killed_during_the_trial(stack: Stack, watch: Watch) -> None:
    (stack.backups / "status.json").unlink()
    before = {path.name for path in (stack.backups / "jira").glob("*.dump")}
    stack.begin("backup", *called("backup.sh"), "manual")
    wait_for(lambda: on_trial(stack.backups), 60)
    watch.struck()
    stack.kill("backup")
    assert {path.name for path in (stack.backups / "jira").glob("*.dump")} == before, "it was not proven"
    stack.start("backup")
    watch.healed(lambda: (stack.backups / "status.json").exists())
    nothing_left(stack)
    watch.counted("what was not proven does not count; made up for at once")


@pytest.mark.fault("the disk of the dumps is full before a dump", WHERE)
def test_the_disk_of_the_dumps_is_full_before(stack: Stack, watch: Watch) -> None:
    with stack.filled("backup", leave_mb=100):
        made = stack.script("backup.sh", "manual")
        assert made.returncode == 1
        said = reason(made.stderr)
        assert "the backups' disk has" in said
    watch.over()
    stack.dumped()
    watch.healed()
    assert not (stack.backups / "failure.json").exists()
    watch.counted(f"no dump is begun: “{said.partition(';')[0]}”")


@pytest.mark.fault("the disk of the dumps becomes full during a dump", WHERE)
def test_the_disk_of_the_dumps_becomes_full(stack: Stack, watch: Watch) -> None:
    before = stack.newest()
    dumping = stack.dumping()
    file = stack.backups / ".fill"
    fill(file)
    code, said = ended(dumping)
    assert code == 1
    assert stack.newest() == before
    file.unlink()
    watch.over()
    stack.dumped()
    watch.healed()
    nothing_left(stack)
    watch.counted(f"no dump: “{reason(said)}”; the server writes on")


@pytest.mark.fault("two dumps at once", WHERE)
def test_two_dumps_at_once(stack: Stack, watch: Watch) -> None:
    watch.struck()
    first = stack.dumping()
    time.sleep(1)  # a dump's name has seconds
    second = stack.begin("backup", *called("backup.sh"), "manual", PROGRESS_SECONDS="1")
    assert ended(first)[0] == 0
    code, said = ended(second)
    assert code == 0, said
    assert "is being made; a backup waits for it" in said
    watch.healed()
    watch.counted("one after the other, both are good")


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(truncated, marks=pytest.mark.fault("a dump is cut off where it lies", WHERE)),
        pytest.param(flipped, marks=pytest.mark.fault("a bit of a dump is flipped where it lies", WHERE)),
    ],
)
def test_a_dump_is_damaged(stack: Stack, watch: Watch, damage) -> None:  # type: ignore[no-untyped-def]
    dump = stack.dumped()
    watch.struck()
    damage(dump)
    code, said = ended(stack.restoring(dump.stem))
    assert code == 1
    assert "nothing was restored" in said
    assert stack.asides() == []
    dump.unlink()
    watch.healed()
    watch.counted(f"not restored: “{reason(said)}”")


@pytest.mark.fault("a bit of a dump is flipped, and its checksum is lost", WHERE)
def test_a_dump_is_damaged_and_its_checksum_is_lost(stack: Stack, watch: Watch) -> None:
    dump = stack.dumped()
    watch.struck()
    flipped(dump)
    dump.with_suffix(".json").unlink()
    code, said = ended(stack.restoring(dump.stem))
    assert code == 1, said
    assert "nothing was restored" in said
    dump.unlink()
    watch.healed()
    watch.counted(f"not restored: “{reason(said)}”")
