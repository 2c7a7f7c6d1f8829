"""Runs the validation playbook against a stack: the rehearsed one if it is up, else the real one.

`python -m rehearsal.playbook --stack uat [pytest arguments]`
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from rehearsal import background

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.playbook", description=__doc__)
    parser.add_argument("--stack", default="uat", help="which stack (default: uat)")
    arguments, more = parser.parse_known_args()
    stack = arguments.stack
    rehearsed = background.find(ROOT / ".rehearsal" / stack) is not None
    module, step = ("rehearsal", ["--step", "outputs"]) if rehearsed else ("operations", ["outputs"])
    print(f"playbook of the {'rehearsed' if rehearsed else 'real'} {stack}", flush=True)
    asked = subprocess.run([sys.executable, "-m", module, *step, "--stack", stack], cwd=ROOT, check=False)
    if asked.returncode != 0:
        return asked.returncode
    outputs = ROOT / (".rehearsal" if rehearsed else ".pulumi-out") / stack / "outputs.json"
    address = json.loads(outputs.read_text()).get("server_ipv4") or "127.0.0.1"
    connect = ["--connect", address] if rehearsed else []
    report = ROOT / "reports" / stack
    playbook = ["tests/playbook", "-m", "playbook", "--stack-name", stack, "--outputs", str(outputs)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *playbook, *connect, "--report", str(report), *more],
        cwd=ROOT,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
