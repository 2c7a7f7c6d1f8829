"""Runs the validation playbook against a stack: the rehearsed one if it is up, else the real one.

`python -m rehearsal.playbook --stack uat [pytest arguments]`
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from rehearsal import background

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal.playbook", description=__doc__)
    parser.add_argument("--stack", default="uat", help="which stack (default: uat)")
    parser.add_argument(
        "--replace-server",
        action="store_true",
        help="replace a real stack's server, too, for minutes of downtime; a rehearsed one always is",
    )
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
    if replaceable(stack) and (rehearsed or arguments.replace_server):
        step = ["--step", "replace"] if rehearsed else ["replace", "--yes"]
        more += ["--replace", shlex.join([sys.executable, "-m", module, *step, "--stack", stack])]
    report = ROOT / "reports" / stack
    playbook = ["tests/playbook", "-m", "playbook", "--stack-name", stack, "--outputs", str(outputs)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *playbook, *connect, "--report", str(report), *more],
        cwd=ROOT,
        check=False,
    ).returncode


def replaceable(stack: str) -> bool:
    """Whether the stack's file has a server that the program ordered and does not protect."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    host = config["jira-plus-plus:host"]
    return bool(host["kind"] == "hetzner" and not host.get("protected"))


if __name__ == "__main__":
    sys.exit(main())
