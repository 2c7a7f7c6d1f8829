"""Starting a Docker daemon where none answers, and stopping only that one; scripts play Docker."""

import os
import sys
from pathlib import Path

import pytest

from rehearsal import dockerd

# Answers as long as the daemon of the script below runs.
DOCKER = (
    '[ "$1" = ps ] && exec cat "$XDG_CACHE_HOME/containers"; [ -e "$XDG_CACHE_HOME/daemon" ] && echo 27.0.0'
)


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH beside the system's shell tools, and a cache of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "sleep", "rm", "touch", "cat"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(dockerd, "START_SECONDS", 5)
    return folder


def test_one_that_answers_is_left_as_it_is(tools: Path, tmp_path: Path) -> None:
    executable(tools / "docker", "echo 27.0.0")
    assert dockerd.ensure() is None
    assert not (tmp_path / "jira-plus-plus" / "dockerd.pid").exists()
    dockerd.stop()


def test_without_docker_it_says_what_installs_it(tools: Path) -> None:
    trouble = dockerd.ensure()
    assert trouble is not None
    assert "Docker is not installed: `make setup`" in trouble


def test_a_docker_elsewhere_is_not_replaced_by_one_here(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")
    executable(tools / "docker", "exit 1")
    executable(tools / "dockerd", "exit 1")
    trouble = dockerd.ensure()
    assert trouble == "no Docker daemon answers at DOCKER_HOST=tcp://192.0.2.1:2376"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start the daemon")
def test_a_daemon_that_ends_shows_its_words(tools: Path) -> None:
    executable(tools / "docker", DOCKER)
    executable(tools / "dockerd", "echo no overlayfs here >&2; exit 1")
    trouble = dockerd.ensure(lambda _: None)
    assert trouble is not None
    assert "no overlayfs here" in trouble


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start the daemon")
def test_it_is_started_once_and_stopped_again(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "daemon"
    monkeypatch.setenv("MARK", str(mark))
    executable(tools / "docker", DOCKER)
    executable(tools / "dockerd", f'exec {sys.executable} "$(dirname "$0")/daemon.py"')
    (tools / "dirname").symlink_to("/usr/bin/dirname")
    (tools / "daemon.py").write_text(
        "import ctypes, os, pathlib, signal\n"
        "ctypes.CDLL(None).prctl(15, b'dockerd', 0, 0, 0)  # PR_SET_NAME: what the kernel calls it\n"
        "mark = pathlib.Path(os.environ['MARK'])\n"
        "mark.touch()\n"
        "signal.signal(signal.SIGTERM, lambda *_: (mark.unlink(), os._exit(0)))\n"
        "while True: signal.pause()\n"
    )
    said: list[str] = []
    assert dockerd.ensure(said.append) is None
    assert dockerd.ensure(said.append) is None
    assert said == ["starting the Docker daemon of this machine"]
    pid = int((tmp_path / "jira-plus-plus" / "dockerd.pid").read_text())
    (tmp_path / "containers").write_text("machine another-checkouts-server\nregistry its\n another\n")
    dockerd.stop(said.append, unused=True)
    assert said[-1].endswith("stays, for it runs another-checkouts-server, another")
    assert mark.exists()
    (tmp_path / "containers").write_text("registry its\n")
    dockerd.stop(said.append, unused=True)
    assert said[-1] == "stopping the Docker daemon that was started here"
    assert not mark.exists(), "it ended by its own hand"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_number_that_another_program_has_now_is_not_stopped(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "jira-plus-plus").mkdir()
    (tmp_path / "jira-plus-plus" / "dockerd.pid").write_text(str(os.getpid()))
    dockerd.stop()
    os.kill(os.getpid(), 0)
