"""Whose a lock is, and which may be lifted; without an engine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError, CommandResult

from operations import engines
from operations.locks import Locked, lift_lock
from tests.operations.github_runs import GitHub

HOST = socket.gethostname()
ROOT = Path(__file__).resolve().parents[2]


class FakeStack:
    name = "uat"

    def __init__(self) -> None:
        self.cancelled = 0

    def cancel(self) -> None:
        self.cancelled += 1


@pytest.fixture(autouse=True)
def _notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def refusal(
    host: str,
    pid: int,
    since: datetime | None = None,
    url: str = "s3://bucket/locks/1.json",
    user: str = "ann",
) -> str:
    when = (since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or "
        "delete the lock file with `pulumi cancel`.\n"
        f"  {url}: created by {user}@{host} (pid {pid}) at {when}"
    )


@contextmanager
def engine(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that was started as the engine is, and lives."""
    binary = folder / "pulumi"
    binary.symlink_to("/bin/sleep")
    with engines.noted() as note:
        environment = {"ENGINE": str(binary), "ENGINE_NOTE": str(note), "PATH": "/usr/bin:/bin"}
        with subprocess.Popen([engines.LAUNCHER, "60"], env=environment) as process:
            while Path(f"/proc/{process.pid}/comm").read_text().strip() != "pulumi":
                time.sleep(0.01)
            try:
                yield process
            finally:
                process.kill()


def killed(folder: Path) -> int:
    """The id of an engine of this machine that was killed."""
    result = CommandError(CommandResult(stdout="", stderr="", code=-9))
    with pytest.raises(CommandError), engine(folder) as process:
        raise result
    return process.pid


def test_the_lock_of_an_engine_of_this_machine_that_was_killed_is_lifted(tmp_path: Path) -> None:
    stack: Any = FakeStack()
    lift_lock(stack, refusal(HOST, killed(tmp_path)), lambda _: None)
    assert stack.cancelled == 1


def test_a_number_that_another_program_has_now_is_no_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = killed(tmp_path)
    with subprocess.Popen(["sleep", "60"]) as other:
        for note in engines.folder().iterdir():
            note.write_text(note.read_text().replace(str(pid), str(other.pid)))
        stack: Any = FakeStack()
        lift_lock(stack, refusal(HOST, other.pid), lambda _: None)
        other.kill()
    assert stack.cancelled == 1


def test_the_lock_of_a_living_engine_stays(tmp_path: Path) -> None:
    stack: Any = FakeStack()
    with (
        engine(tmp_path) as process,
        pytest.raises(Locked, match=rf"in use since .* by process {process.pid}"),
    ):
        lift_lock(stack, refusal(HOST, process.pid), lambda _: None)
    assert stack.cancelled == 0


def test_a_lock_from_a_machine_of_the_same_name_stays() -> None:
    """infrastructure C1: containers and hosted runners share names, and process ids begin anew in each."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    stack: Any = FakeStack()
    with pytest.raises(Locked, match=r"no process that it knows of.*pulumi cancel --stack uat"):
        lift_lock(stack, refusal(HOST, ended.pid), lambda _: None)
    assert stack.cancelled == 0


def test_a_lock_is_not_taken_for_that_of_an_earlier_engine_with_its_number(tmp_path: Path) -> None:
    """infrastructure C1: the engine that was noted took its lock within a minute of its start."""
    stack: Any = FakeStack()
    pid = killed(tmp_path)
    for when in (datetime.now(UTC) + timedelta(minutes=5), datetime.now(UTC) - timedelta(minutes=5)):
        with pytest.raises(Locked, match="no process that it knows of"):
            lift_lock(stack, refusal(HOST, pid, when), lambda _: None)
    assert stack.cancelled == 0


def test_an_engine_that_ended_by_itself_leaves_no_note(tmp_path: Path) -> None:
    """infrastructure C1: a note would claim the lock of a namesake with the same number."""
    with engine(tmp_path):
        pass
    assert not list(engines.folder().iterdir())
    with pytest.raises(CommandError), engines.noted():
        raise CommandError(CommandResult(stdout="", stderr="", code=255))
    assert not list(engines.folder().iterdir())


def test_another_namespace_of_process_ids_is_another_place() -> None:
    """infrastructure C1: a container that shares this home counts its processes by itself."""
    told = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"),
            *(sys.executable, "-c", "from operations.engines import here; print(here())"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if told.returncode:
        pytest.skip(f"this kernel makes no namespace here: {told.stderr.strip()[-80:]}")
    assert told.stdout.strip() != engines.here()
    assert told.stdout.split()[:2] == engines.here().split()[:2], "of the same boot of the same machine"


def test_the_lock_of_another_machine_stays_and_the_remedy_is_named() -> None:
    stack: Any = FakeStack()
    with pytest.raises(Locked, match=r"ann@elsewhere .*pulumi cancel --stack uat"):
        lift_lock(stack, refusal("elsewhere", 1), lambda _: None)
    assert stack.cancelled == 0


def test_a_lock_in_unknown_words_stays() -> None:
    stack: Any = FakeStack()
    with pytest.raises(Locked, match="Another update is currently in progress"):
        lift_lock(stack, "[409] Conflict: Another update is currently in progress.", lambda _: None)
    assert stack.cancelled == 0


def test_of_a_state_on_this_machine_only_the_dead_runs_lock_is_taken_away(tmp_path: Path) -> None:
    """infrastructure C1: what another run has locked in the meantime is not ours to lift."""
    dead, fresh = tmp_path / "dead one.json", tmp_path / "fresh.json"
    dead.touch()
    fresh.touch()
    stack: Any = FakeStack()
    url = f"file://{tmp_path}/dead%20one.json?metadata=skip"
    lift_lock(stack, refusal(HOST, killed(tmp_path), url=url), lambda _: None)
    assert (dead.exists(), fresh.exists(), stack.cancelled) == (False, True, 0)


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub.at_work({"77/attempts/2": "completed", "78/attempts/1": "in_progress"}) as found:
        yield found


def test_the_lock_of_a_ci_run_that_is_over_is_lifted_by_the_next(github: GitHub) -> None:
    """infrastructure C1, pulumi/actions#928: a cancelled workflow leaves its lock."""
    stack: Any = FakeStack()
    lift_lock(stack, refusal("github-run-77-2", 42, user="runner"), lambda _: None, github.environment)
    assert stack.cancelled == 1
    assert github.asked == ["/repos/example-org/jira/actions/runs/77/attempts/2 Bearer token"]


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        ("github-run-78-1", "a run of GitHub's that is still going; wait for it"),
        ("github-run-79-1", "404 from .*actions: read.*pulumi cancel"),  # another repository's
        ("runnervmi13qx", "runner@runnervmi13qx .*pulumi cancel"),
    ],
)
def test_the_lock_of_a_ci_run_that_may_be_at_work_stays(github: GitHub, machine: str, told: str) -> None:
    """infrastructure C1: nobody's live lock is lifted for its name."""
    stack: Any = FakeStack()
    with pytest.raises(Locked, match=told):
        lift_lock(stack, refusal(machine, 42, user="runner"), lambda _: None, github.environment)
    assert stack.cancelled == 0


def test_one_lock_that_stays_keeps_them_all(tmp_path: Path) -> None:
    stack: Any = FakeStack()
    both = f"{refusal(HOST, killed(tmp_path))}\n{refusal('elsewhere', 1)}"
    with pytest.raises(Locked, match="ann@elsewhere"):
        lift_lock(stack, both, lambda _: None)
    assert stack.cancelled == 0
