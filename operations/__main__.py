"""The command line for real stacks: `python -m operations ACTION --stack uat`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from operations import backend, changes, summary
from operations.checks import Unwell, verify
from operations.deployment import PROJECT, Deployment, DeploymentFailed
from operations.engine import EngineMissing, engine
from operations.interrupt import interruptible
from operations.journal import Failure, Journal
from operations.locks import Locked
from operations.orphans import ForeignResource

ROOT = Path(__file__).resolve().parent.parent

DESCRIPTION = """\
Operates a real stack with the accounts of the environment. What to export is listed in .env.template; a file
.env.<stack> beside it is read where it exists, and what is exported already wins.
"""
EPILOG = """\
actions:
  preview  what a deploy would change, and put back; also as Markdown (--markdown)
  deploy   pulumi up: settles a run that was killed, puts back what was changed or deleted by hand, tries
           again what may pass, and takes the next of host.server_type_fallbacks when a server type is sold
           out
  replace  makes the server anew, for minutes of downtime: volume and addresses stay, what runs on it is
           deployed again; refused for a protected one; asks for the stack's name
  drift    what changed behind Pulumi's back or was not deployed; exit code 2 if anything did, 1 if a
           container is not healthy, the last backup is too old, or a name has no valid certificate (as after
           a deploy)
  outputs  writes all outputs, secret ones too, to .pulumi-out/<stack>/outputs.json (for the playbook)
  destroy  deletes every resource of the stack; refused for what is protected; asks for the stack's name
"""

_CLOUD = {
    "HCLOUD_TOKEN": "a Hetzner Cloud API token (Read & Write) of the stack's project",
    "CLOUDFLARE_API_TOKEN": (
        "a Cloudflare API token for the stack's zone "
        "(Zone / Zone / Read, Zone / Zone Settings / Edit, Zone / DNS / Edit; "
        "with tls.mode origin-ca also Zone / SSL and Certificates / Edit)"
    ),
}


class EnvironmentIncomplete(Exception):
    """Something that must be exported is not; the message lists all of it."""


def main() -> int:
    """Exit codes: 0 done, 1 failed, 2 drift found, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m operations",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("preview", "deploy", "replace", "drift", "destroy", "outputs"))
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    parser.add_argument("--markdown", type=Path, help="where to write the changes for a pull request")
    parser.add_argument(
        "--yes", action="store_true", help="do not ask for the stack's name (as under CI=true)"
    )
    arguments = parser.parse_args()
    with interruptible() as interrupted:
        try:
            return _act(arguments.action, arguments.stack, arguments.markdown, arguments.yes)
        except (
            DeploymentFailed,
            EngineMissing,
            EnvironmentIncomplete,
            ForeignResource,
            Locked,
            Unwell,
        ) as error:
            if interrupted():
                print("\ninterrupted; what exists is in the state, the next run goes on from there")
                return 130
            journal = getattr(error, "journal", None) or Journal(errors=[Failure("", str(error))])
            _write(arguments.markdown, arguments.action, arguments.stack, journal)
            print(f"\nerror: {error}", file=sys.stderr)
            return 1


def _act(action: str, stack: str, markdown: Path | None, yes: bool) -> int:
    environment = complete_environment(ROOT, stack, os.environ)
    deployment = Deployment(
        project=ROOT,
        stack=stack,
        binary=engine(),
        environment=environment,
    )
    timings: list[summary.Timing] = []
    sure = yes or environment.get("CI") == "true"
    if action == "preview":
        _write(markdown, action, stack, deployment.preview())
    elif action == "drift":
        journal = deployment.preview()
        _write(markdown, action, stack, journal)
        try:
            with deployment.way_in():
                verify(stack, deployment.resources(), environment)
        except Unwell as unwell:
            journal.warnings += map(str, unwell.findings)
            unwell.journal = journal
            raise
        strayed = journal.changes or len(journal.put_back)
        print(f"drift: {strayed} resource(s) differ" if strayed else "no drift")
        return 2 if strayed else 0
    elif action == "deploy":
        timings.append(_timed("up", deployment.up))
        _close(deployment, timings)
    elif action == "replace":
        if not (sure or _confirmed(stack, "replace the server of")):
            print("not replaced")
            return 1
        timings.append(_timed("replace", deployment.replace_server))
        _close(deployment, timings)
    elif action == "outputs":
        deployment.write_outputs(ROOT / ".pulumi-out" / stack / "outputs.json")
    elif action == "destroy":
        if not (sure or _confirmed(stack, "delete all of")):
            print("not destroyed")
            return 1
        deployment.destroy()
    return 0


def _close(deployment: Deployment, timings: list[summary.Timing]) -> None:
    resources = deployment.resources()
    print("\n" + summary.table(deployment.stack, resources, timings))
    with deployment.way_in():
        verify(deployment.stack, resources, deployment.environment)


def _confirmed(stack: str, what: str) -> bool:
    try:
        return input(f"Type the stack's name to {what} {stack}: ").strip() == stack
    except EOFError:  # nobody there to ask
        return False


def _timed(step: str, run: Callable[[], Journal]) -> summary.Timing:
    started = time.monotonic()
    journal = run()
    return summary.Timing(step, time.monotonic() - started, journal.changes)


def _write(target: Path | None, action: str, stack: str, journal: Journal) -> None:
    """The Markdown for a pull request: of the changes, or of why there are none to show."""
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(changes.markdown(stack, journal, f"{action.capitalize()} of `{stack}`"))


def complete_environment(root: Path, stack: str, exported: Mapping[str, str]) -> dict[str, str]:
    """`.env.<stack>` under what is exported.

    Raises:
        EnvironmentIncomplete: it lacks what the stack needs; all of it is named.
    """
    values = {**read_env_file(root / f".env.{stack}"), **exported}
    stack_file = root / f"Pulumi.{stack}.yaml"
    if not stack_file.exists():
        known = ", ".join(sorted(path.name[7:-5] for path in root.glob("Pulumi.*.yaml")))
        raise EnvironmentIncomplete(f"stack {stack}: there is no {stack_file.name}; there is {known}")
    written = yaml.safe_load(stack_file.read_text()) or {}
    config = written.get("config") or {}
    host = config.get(f"{PROJECT}:host") or {}
    needed = dict(_CLOUD) if host.get("kind") == "hetzner" else {}
    if host.get("kind") == "existing":
        needed = {"CLOUDFLARE_API_TOKEN": _CLOUD["CLOUDFLARE_API_TOKEN"]}
    missing = [f"  {name}: {what}" for name, what in needed.items() if not values.get(name)]
    missing += [f"  {line}" for line in backend.missing(root, written, values)]
    if missing:
        raise EnvironmentIncomplete(
            f"to operate {stack}, export these (or write them to .env.{stack}; see .env.template):\n"
            + "\n".join(missing)
        )
    return values


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines, with or without `export` and quotes; `#` begins a comment line."""
    values = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and not name.startswith("#"):
                values[name.strip()] = value.strip().strip("'\"")
    return values


if __name__ == "__main__":
    sys.exit(main())
