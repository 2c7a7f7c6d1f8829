"""Shell lives in files of its own, and shellcheck has nothing to say."""

import shutil
import subprocess
from pathlib import Path

import pytest

COMPONENTS = Path(__file__).parents[3] / "components"
SCRIPTS = sorted((*COMPONENTS.glob("containers/*.sh"), *COMPONENTS.glob("services/*.sh")))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_is_silent(script: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    result = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
