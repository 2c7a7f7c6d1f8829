"""Runs the validation playbook against a stack: the rehearsed one if it is up, else the real one.

`python -m rehearsal.playbook --stack uat [pytest arguments]`
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from operations import stack_file
from operations.acceptance import Acceptance, Acceptances, Unnoted
from operations.at_server import deployed, told
from operations.place import complaint
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
    ask = [sys.executable, "-m", module, *step, "--stack", stack]
    print(f"playbook of the {'rehearsed' if rehearsed else 'real'} {stack}", flush=True)
    asked = subprocess.run(ask, cwd=ROOT, check=False)
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
    with nullcontext() if rehearsed else deployed(ROOT, stack).way_in():
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *playbook, *connect, "--report", str(report), *more],
            cwd=ROOT,
            check=False,
        ).returncode
        # What runs now is what was tried, or it counts for nothing.
        if subprocess.run(ask, cwd=ROOT, check=False).returncode == 0:
            print(noted(stack, json.loads(outputs.read_text()), report / "playbook.json"), flush=True)
    return code


def noted(stack: str, given: Mapping[str, Any], report: Path) -> str:
    """In words, that the run was noted at the server with the outputs `given`, or why it was not."""
    acceptance = Acceptance.of(json.loads(report.read_text()))
    kind = str(stack_file.section(ROOT / f"Pulumi.{stack}.yaml", "host").get("kind"))
    try:
        Acceptances(stack, kind, given).note(acceptance)
    except Unnoted as error:
        return f"not noted: {error}"
    except (OSError, subprocess.SubprocessError) as error:
        return f"not noted: the server cannot be asked: {complaint(error)}"
    result = "not passed" if acceptance.lacking else f"passed: `make promote FROM={stack}` takes these images"
    return f"noted at the server: {result}"


def replaceable(stack: str) -> bool:
    """Whether the stack's file has a server that the program ordered and does not protect."""
    host = stack_file.section(ROOT / f"Pulumi.{stack}.yaml", "host")
    return bool(host["kind"] == "hetzner" and not host.get("protected"))


if __name__ == "__main__":
    sys.exit(told(main, Unnoted, "the stack is as the last test has left it"))
