"""The command line of `make drill`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from operations.at_server import told
from operations.deployed import deployed
from operations.drill import KINDS, Drill, NoDrill, act, make

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = """\
Restores what a stack that is up has off the machine, in a cluster that is thrown away, beside what serves and
without a touch of it; checks it, and says what that took and what would have been lost. The newest copy of
the dumps, and the newest backup with the database's log: each that the stack has, one after the other. It
does so by itself, each backup.offsite.drill_days and backup.point_in_time.drill_days days.
"""


def main() -> int:
    """Exit codes: 0 the drill was good, 1 not, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.drill",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    parser.add_argument("--kind", choices=tuple(KINDS), help="of this alone")
    parser.add_argument("--show", action="store_true", help="make none, show what the last one was")
    arguments = parser.parse_args()

    def work() -> int:
        deployment = deployed(ROOT, arguments.stack)
        if not arguments.show:
            return make(deployment, kind=arguments.kind)
        with deployment.way_in():
            return act(Drill(deployment, kind=arguments.kind), show=True)

    goes_on = "a drill that has begun at the server goes on there: the same command tells of it"
    return told(work, NoDrill, goes_on)


if __name__ == "__main__":
    sys.exit(main())
