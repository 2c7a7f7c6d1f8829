"""What a preview that failed leaves for the pull request's comment."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_preview_that_could_not_begin_writes_why(tmp_path: Path) -> None:
    """infrastructure D: only the engine's failures were written; a secret that is missing left no file."""
    target = tmp_path / "out" / "preview.md"
    ran = subprocess.run(
        [sys.executable, "-m", "operations", "preview", "--stack", "nowhere", "--markdown", str(target)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    told = target.read_text()
    assert told.startswith("### Preview of `nowhere`\n")
    assert "> ❌ stack nowhere: there is no Pulumi.nowhere.yaml; there is" in told
