"""The command line of `make restore`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from operations.at_server import told
from operations.deployed import deployed
from operations.restore import NoSource, Restore, Wish, act

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = """\
Restores databases of a stack that is up, from a dump, and serves from them. Without --from it lists what
there is; where a restore is under way, it tells how that goes on.
"""
EPILOG = """\
from:
  latest                     the newest dump
  2026-11-28T010000Z-release a dump's name, as listed
  2026-11-28T03:00:00+02:00  that moment, where the database's log is archived (backup.point_in_time),
                             else the newest dump at or before it
  before                     what the last restore has set aside: back again
  former                     the newest that is off the machine of a cluster that was here before this one;
                             former-<number> of that one, where there were several

What is there now stays, as the database <name>_before_<time>; a step that fails puts it back. The work goes
on at the server if this is interrupted or the line breaks; the same command then tells of it again.
"""


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.restore",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    parser.add_argument("--from", dest="source", default="", help="see below")
    parser.add_argument("--database", default="jira", help="jira (default), temporal, or all")
    parser.add_argument("--into", default="", help="restore beside what serves, as <database>_<into>")
    parser.add_argument("--yes", action="store_true", help="do not ask for the stack's name")
    arguments = parser.parse_args()

    def work() -> int:
        wish = Wish.of(arguments.source, arguments.database, arguments.into)
        deployment = deployed(ROOT, arguments.stack)
        with deployment.way_in():
            return act(Restore(deployment), wish, sure=arguments.yes)

    return told(work, NoSource, "what has begun at the server goes on there: the same command tells of it")


if __name__ == "__main__":
    sys.exit(main())
