"""The scripts of the package have no fault that shellcheck knows."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[3] / "components" / "host").glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_there_are_scripts_to_check() -> None:
    assert {path.name for path in SCRIPTS} == {
        "adopt.sh",
        "bootstrap.sh",
        "look.sh",
        "mount-volume.sh",
        "readiness.sh",
    }
