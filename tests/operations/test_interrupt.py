"""What a person reads who interrupts a run."""

import os
import subprocess
import sys
from pathlib import Path

RUNNER = """
import sys
import time
from pathlib import Path
from pulumi.automation import PulumiCommand
from operations.interrupt import interruptible

def show(line):
    print(line, flush=True)
    time.sleep(0.1)  # the signal comes meanwhile, and what the next line is read from is closed

with interruptible():
    command = PulumiCommand(root=sys.argv[1], skip_version_check=True)
    command.run(["up"], cwd=".", additional_env={}, on_output=show)
"""
DEAF = """#!/bin/sh
exec sh -c 'echo running; sleep 5'
"""
"""It no longer goes by the engine's name, so it is not asked to finish."""
ROOT = Path(__file__).resolve().parents[2]


def test_an_interruption_that_ends_at_once_shows_no_traceback(tmp_path: Path) -> None:
    engine = tmp_path / "bin" / "pulumi"
    engine.parent.mkdir()
    engine.write_text(DEAF)
    engine.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.terminate()
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130
    assert shown == "\ninterrupted; the next run settles what was cut off\n"
