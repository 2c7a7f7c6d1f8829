"""npm's packages are whole or not there, whenever npm ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.images import ImageError, npm
from rehearsal.images.catalogue import image


@pytest.fixture
def npm_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The npm that is run; the cache is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder / "npm"


def play(npm_on: Path, script: str) -> None:
    npm_on.write_text(f"#!/bin/sh\nmkdir -p node_modules\ntouch node_modules/.package-lock.json\n{script}\n")
    npm_on.chmod(0o755)


def test_packages_that_were_cut_off_are_not_taken_for_whole(npm_on: Path) -> None:
    play(npm_on, "kill -9 $$")
    with pytest.raises(ImageError, match=r"npm ci .* failed"):
        npm.packages(image("node"))
    play(npm_on, "touch node_modules/whole")
    packages = npm.packages(image("node"))
    assert {path.name for path in packages.iterdir()} == {".package-lock.json", "whole"}


def test_whole_packages_are_not_made_again(npm_on: Path) -> None:
    play(npm_on, "")
    packages = npm.packages(image("node"))
    play(npm_on, "exit 1")
    assert npm.packages(image("node")) == packages
