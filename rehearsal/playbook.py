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
from operations.at_server import told
from operations.deployed import deployed
from operations.place import complaint
from operations.registry import NotThere
from operations.release import fitting
from operations.releases import IMAGES
from rehearsal import background
from rehearsal.images import ImageError, stack_images

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
    parser.add_argument("--workflows", default="", help="where the worker's image has them, if elsewhere")
    for name in IMAGES:
        parser.add_argument(
            f"--new-{name}", default="", help="of a next release, to upgrade to and back from"
        )
    arguments, more = parser.parse_known_args()
    stack = arguments.stack
    given = {name: getattr(arguments, f"new_{name}") for name in IMAGES}
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
    more += ["--workflows", arguments.workflows, *next_release(stack, rehearsed, given)]
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


def next_release(stack: str, rehearsed: bool, given: Mapping[str, str]) -> list[str]:
    """The options that name the next release: what is `given`; else a rehearsed stack has one built.

    Raises:
        NotThere: what is given is not in its registry, does not fit the server, or is not signed; or one
            cannot be built.
    """
    wanted = {name: reference for name, reference in given.items() if reference}
    if wanted:
        if not rehearsed:  # whose registry is this machine's
            fitting(ROOT / f"Pulumi.{stack}.yaml", wanted, lambda: deployed(ROOT, stack))
        return ["--new-images", json.dumps(wanted)]
    if not rehearsed:
        return []
    try:
        built = stack_images.next_application(lambda line: print(line, flush=True))
    except ImageError as error:
        raise NotThere(str(error)) from None
    return ["--new-images", json.dumps(built), "--new-migration", stack_images.NEXT_MIGRATION]


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
    sys.exit(told(main, NotThere, "the stack is as the last test has left it"))
