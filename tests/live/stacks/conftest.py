"""What the tests of this folder need of the machine, and what they leave on it: nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal.machines.addresses import AddressBook
from tests.live.stacks.stand import Stand
from tests.playbook.target import Target


@pytest.fixture(scope="module")
def folder(built: Callable[..., dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for one stack that boots. When the test is over nothing on this machine names it any more."""
    built("machine_13")
    folder = tmp_path_factory.mktemp("stack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REHEARSAL_DOCKER", "run")
        yield folder
    assert left_by(folder) == []


@pytest.fixture(scope="module")
def target(stand: Stand) -> Target:
    """The module's own `stand`, up."""
    stand.run("up")
    return stand.target()


def left_by(folder: Path) -> list[str]:
    """What this machine still holds for states below `folder`."""
    seen = {
        "a machine": _output("docker", "ps", "--all", "--format", "{{.Labels}}"),
        "a disk": _output("docker", "volume", "ls", "--format", "{{.Labels}}"),
        "a loop device": _output("losetup", "--list", "--noheadings", "--output", "BACK-FILE"),
        "a process": _output("ps", "-eo", "args"),
        "an address": AddressBook(folder).book.read_text(),
    }
    return [what for what, text in seen.items() if str(folder) in text]


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
