"""The command line of a rehearsal: `python -m rehearsal --stack uat --step all`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from operations.checks import Unwell
from operations.deployment import DeploymentFailed
from operations.drill import NoDrill
from operations.engine import EngineMissing
from operations.interrupt import interruptible
from operations.locks import Locked
from operations.orphans import ForeignResource
from operations.registry import NotThere
from operations.restore import JobFailed, NoSource, Wish
from operations.rollback import NoWayBack
from operations.rotate import NoRotation
from operations.stack_file import Unwritable
from operations.status import NotAsked
from operations.upgrade import NoUpgrade
from rehearsal.background import CloudError
from rehearsal.clean import clean
from rehearsal.diff import diff
from rehearsal.images import ImageError
from rehearsal.project import ProjectError
from rehearsal.run import STACKS, STEPS, Rehearsal, RehearsalFailed

ROOT = Path(__file__).resolve().parent.parent

DESCRIPTION = """\
Rehearses `pulumi up` of a stack without an account: the real engine, the real program and the real stack
file, against an embedded Hetzner and Cloudflare on loopback. With Docker the servers boot and the containers
run; without it (or with REHEARSAL_DOCKER=record) both are only recorded.
"""
EPILOG = """\
steps:
  all       preview, up, an up that must change nothing; leaves the environment up (default)
  preview   what an up would change; also as Markdown in .rehearsal/<stack>/preview.md
  up        brings the stack up, also after a run that was killed
  replace   makes the server anew, volume and addresses stay; refused for prod
  destroy   deletes everything, checks that the embedded cloud is empty and stops it; refused for prod
  recreate  destroy, a look that nothing is left, then up with the same names and its data, as `make recreate`
  diff      what the working tree changes against BASE (--base, a git revision): BASE is brought up aside,
            recorded only, and the working tree previewed on it; the Markdown is that of preview
  status    how the stack is, as `make status`; --json; ends with 1 where something is red, with 2 where
            nobody can be asked
  restore   databases as they were (--from, --database, --into, as `make restore`); without --from lists what
            there is
  recover   server, volume and state are thrown away, and the stack is had back from its buckets and the keys
            on paper alone, as `make recover` does
  drill     what is off the machine is restored in a throw-away cluster, as `make drill` does
  releases  lists the releases, as `make releases`
  rollback  back to the last good release, or to another (--to), as `make rollback`
  promote   what the stack runs and has passed the playbook with; with --to into a copy of that stack's file,
            as `make promote`
  rotate    other passwords and keys in place of those that are (--secret), as `make rotate`
  upgrade-postgres  the data to another major version (--to), as `make upgrade-postgres`; --to back goes back
  outputs   writes all outputs, secret ones too, to .rehearsal/<stack>/outputs.json (for the playbook)
  clean     takes the stack down, a protected one too, and forgets its state; without --stack, all of them

environment:
  REHEARSAL_DOCKER   run or record; by default run if a Docker daemon answers or can be started

Run again after anything: a killed run is settled, a finished one changes nothing.
"""


def main() -> int:
    """Exit codes: 0 done, 1 failed, 130 interrupted; of `status` 1 for red, 2 where nobody can be asked."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", choices=STACKS, help="which stack (default: uat; for clean: all)")
    parser.add_argument(
        "--step", choices=(*STEPS, "diff", "clean"), default="all", help="which step (default: all)"
    )
    parser.add_argument("--base", default="HEAD", help="the git revision for --step diff (default: HEAD)")
    parser.add_argument(
        "--from", dest="source", default="", help="for --step restore: latest, a dump, a moment; reset: seed"
    )
    parser.add_argument(
        "--database", default="jira", help="for --step restore: jira (default), temporal or all"
    )
    parser.add_argument(
        "--to",
        default="",
        help="for --step rollback: a number of the list, or a digest; promote: prod; upgrade-postgres: 17",
    )
    parser.add_argument("--secret", default="", help="for --step rotate: all, or names with commas")
    parser.add_argument("--into", default="", help="for --step restore: beside what serves")
    parser.add_argument("--json", action="store_true", help="for --step status: one JSON document")
    arguments = parser.parse_args()
    stack = arguments.stack or "uat"
    with interruptible() as interrupted:
        try:
            if arguments.step == "clean":
                clean(ROOT, arguments.stack, _say)
            elif arguments.step == "diff":
                diff(ROOT, stack, arguments.base, _say)
            else:
                rehearsal = Rehearsal(ROOT, stack, say=_say, show=_say)
                rehearsal.wish = Wish.of(arguments.source, arguments.database, arguments.into)
                rehearsal.to, rehearsal.json = arguments.to, arguments.json
                rehearsal.secret = arguments.secret
                rehearsal.run(arguments.step)
                if rehearsal.report and not rehearsal.report.well:
                    return 1
        except NotAsked as error:
            print(f"\nerror: {error}", file=sys.stderr)
            return 2
        except (
            CloudError,
            DeploymentFailed,
            EngineMissing,
            ForeignResource,
            ImageError,
            JobFailed,
            Locked,
            NoDrill,
            NoRotation,
            NoSource,
            NoUpgrade,
            NoWayBack,
            NotThere,
            ProjectError,
            RehearsalFailed,
            Unwell,
            Unwritable,
        ) as error:
            if interrupted():
                print("\ninterrupted; what exists is in the state, the next run goes on from there")
                return 130
            print(f"\nerror: {error}", file=sys.stderr)
            return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
