"""The command line for real stacks: `python -m operations ACTION --stack uat`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from operations import changes, last_copy, summary
from operations.checks import Unwell, verify
from operations.closing import close, timed
from operations.confirmation import confirmed
from operations.deployment import Deployment, DeploymentFailed
from operations.engine import EngineMissing, engine
from operations.environment import EnvironmentIncomplete, complete_environment
from operations.interrupt import interruptible
from operations.journal import Failure, Journal
from operations.locks import Locked
from operations.meaning import Meaning, text
from operations.notices import Telling
from operations.orphans import ForeignResource

ROOT = Path(__file__).resolve().parent.parent

DESCRIPTION = """\
Operates a real stack with the accounts of the environment. What to export is listed in .env.template; a file
.env.<stack> beside it is read where it exists, and what is exported already wins.
"""
EPILOG = """\
actions:
  preview  what a deploy would change, put back, and mean: gaps, data, memory, cost; also as Markdown
           (--markdown)
  deploy   pulumi up: settles a run that was killed, puts back what was changed or deleted by hand, tries
           again what may pass, and takes the next of host.server_type_fallbacks when a server type is sold
           out
  replace  makes the server anew, for minutes of downtime: volume and addresses stay, what runs on it is
           deployed again; refused for a protected one; asks for the stack's name
  drift    what changed behind Pulumi's back or was not deployed; exit code 2 if anything did, 1 if a
           container is not healthy, the last backup is too old, a drill failed or is overdue, or a name has
           no valid certificate (as after a deploy)
  outputs  writes all outputs, secret ones too, to .pulumi-out/<stack>/outputs.json (for the playbook)
  destroy  deletes every resource of the stack; refused for what is protected; asks for the stack's name;
           with backup.offsite a last backup is copied off the machine first (--without-copy: not)
"""


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
    parser.add_argument(
        "--without-copy", action="store_true", help="destroy: without a last copy of the data off the machine"
    )
    arguments = parser.parse_args()
    with interruptible() as interrupted:
        try:
            return _act(
                arguments.action, arguments.stack, arguments.markdown, arguments.yes, arguments.without_copy
            )
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


def _act(action: str, stack: str, markdown: Path | None, yes: bool, without_copy: bool) -> int:
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
        journal = deployment.preview()
        _write(markdown, action, stack, journal)
        if said := text(Meaning.of(stack, journal)):
            print(f"\n{said}")
    elif action == "drift":
        telling = Telling(deployment)
        with telling.of("drift", begin=False) as outcome:
            outcome.journal = journal = deployment.preview()
            _write(markdown, action, stack, journal)
            try:
                with deployment.way_in():
                    telling.of_the_watchers()
                    verify(stack, deployment.resources(), environment)
            except Unwell as unwell:
                journal.warnings += map(str, unwell.findings)
                unwell.journal = journal
                raise
            strayed = journal.changes or len(journal.put_back)
            print(f"drift: {strayed} resource(s) differ" if strayed else "no drift")
            outcome.state = "found" if strayed else ""
        return 2 if strayed else 0
    elif action == "deploy":
        with Telling(deployment).of("deploy") as outcome:
            timings.append(timed("up", deployment.up, outcome))
            close(deployment, timings)
    elif action == "replace":
        if not (sure or confirmed(stack, "replace the server of")):
            print("not replaced")
            return 1
        with Telling(deployment).of("replacement of the server") as outcome:
            timings.append(timed("replace", deployment.replace_server, outcome))
            close(deployment, timings)
    elif action == "outputs":
        deployment.write_outputs(ROOT / ".pulumi-out" / stack / "outputs.json")
    elif action == "destroy":
        if not (sure or confirmed(stack, "delete all of")):
            print("not destroyed")
            return 1
        if not without_copy:
            last_copy.before_destroy(deployment)
        deployment.destroy()
    return 0


def _write(target: Path | None, action: str, stack: str, journal: Journal) -> None:
    """The Markdown for a pull request: of the changes, or of why there are none to show."""
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(changes.markdown(stack, journal, f"{action.capitalize()} of `{stack}`"))


if __name__ == "__main__":
    sys.exit(main())
