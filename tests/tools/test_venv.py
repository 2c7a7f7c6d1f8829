"""The virtual environments in the cache folder."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MONTH = 31 * 24 * 3600


def venv(command: str, cache: Path) -> str:
    return subprocess.run(
        [sys.executable, ROOT / "tools/setup/venv.py", command],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def asked_for(folder: Path, seconds_ago: float) -> Path:
    """An environment that was last asked for so long ago."""
    folder.mkdir(parents=True)
    done = folder / "complete"
    done.touch()
    os.utime(done, (time.time() - seconds_ago,) * 2)
    return folder


def test_one_that_no_checkout_has_asked_for_in_a_month_is_deleted_and_any_other_stays(tmp_path: Path) -> None:
    own = Path(venv("path", tmp_path))
    asked_for(own, MONTH)
    unused, another = asked_for(own.parent / "unused", MONTH), asked_for(own.parent / "another", MONTH / 2)
    unfinished = own.parent / "unfinished"
    unfinished.mkdir()
    assert venv("make", tmp_path) == "", "what is there is not made again"
    assert own.exists()
    assert another.exists()
    assert unfinished.exists(), "somebody may be making it"
    assert not unused.exists()


def test_what_each_run_imports_is_compiled_though_the_environment_forbids_to_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    setup = runpy.run_path(str(ROOT / "tools" / "setup" / "venv.py"))
    setup["compile_imported"](Path(sys.prefix))
    kept = {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert "buildx_builder" in kept, "of Docker's SDK"
