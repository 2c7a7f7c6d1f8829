"""Finding the engine, and building it once."""

import os
import threading
import time
from pathlib import Path

import pytest

from operations import engine, golang
from operations.cache import cache_folder


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's own, and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(golang, "PROGRESS_SECONDS", 0.05)
    return folder


def test_the_pin_is_the_one_that_ci_installs() -> None:
    assert (engine.ROOT / ".pulumi.version").read_text().strip() == engine.pinned_version()


@pytest.mark.parametrize("version", ["v3.274.1", "3.274.0", "v3.300.2"])
def test_a_fitting_engine_on_path_is_used(bin_folder: Path, version: str) -> None:
    pulumi = executable(bin_folder / "pulumi", f"echo {version}")
    assert engine.engine() == pulumi


@pytest.mark.parametrize("version", ["v3.273.9", "v4.300.0", "v2.0.0", "nonsense"])
def test_an_unfitting_one_is_not_and_that_is_said(bin_folder: Path, version: str) -> None:
    executable(bin_folder / "pulumi", f"echo {version}")
    said: list[str] = []
    assert engine.on_path(said.append) is None
    assert str(bin_folder / "pulumi") in said[0]


def test_without_pulumi_go_and_network_one_error_says_what_to_install(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(engine.EngineMissing, match=r"install Pulumi 3\.\d+ or newer .* Go is needed, 1\.\d+"):
        engine.engine()


GOES = '[ "$1" = env ] && echo go1.27.0 && exit\n'
GO = GOES + 'while [ "$1" != -o ]; do shift; done; echo building >> "$LOG"; sleep 0.3; echo engine > "$2"'


def test_it_is_built_once_by_two_that_ask_at_the_same_time(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    executable(bin_folder / "go", GO)
    said: list[str] = []
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(engine.engine(said.append))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "log").read_text() == "building\n"
    assert found[0] == found[1]
    assert found[0].read_text() == "engine\n"
    assert any("another process is building" in line for line in said)
    assert any("building engine: " in line for line in said), "a build of minutes must show that it is alive"
    assert engine.engine(said.append) == found[0], "the cached one is taken as it is"


def test_a_failed_build_shows_the_compilers_words_and_leaves_nothing(bin_folder: Path) -> None:
    executable(bin_folder / "go", f"{GOES}echo 'main.go:1: broken' >&2; exit 1")
    with pytest.raises(engine.EngineMissing, match=r"main\.go:1: broken"):
        engine.engine(lambda _: None)
    left = list((cache_folder() / "pulumi" / engine.pinned_version() / "bin").iterdir())
    assert left == []


def test_an_interrupted_build_ends_the_compiler(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(bin_folder / "go", GOES + 'echo $$ > "$XDG_CACHE_HOME/pid"; exec sleep 60')

    def interrupt(line: str) -> None:
        if line.startswith("  building"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.engine(interrupt)
    pid = int((cache_folder().parent / "pid").read_text())
    time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
