"""The command line of `make upgrade-postgres`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from operations.at_server import told
from operations.deployed import deployed
from operations.interrupt import interruptible
from operations.upgrade import NoUpgrade, Upgrade

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = """\
Moves the databases of a stack that is up to another major version of Postgres: they are dumped into a new
cluster beside what serves, compared row by row, and deployed. Whatever fails, what was there serves again.
"""


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.upgrade", description=DESCRIPTION)
    parser.add_argument("--stack", required=True, help="uat or prod")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--to", help="the image, or the major version of the one that the stack file names")
    way.add_argument("--back", action="store_true", help="to what served before the last upgrade")
    parser.add_argument("--yes", action="store_true", help="do not ask for the stack's name")
    arguments = parser.parse_args()

    def work() -> int:
        sure = arguments.yes or os.environ.get("CI") == "true"
        with interruptible():
            upgrade = Upgrade(deployed(ROOT, arguments.stack))
            done = upgrade.back(sure=sure) if arguments.back else upgrade.act(arguments.to, sure=sure)
            return 0 if done or upgrade.recorded else 1

    return told(
        work, NoUpgrade, "what has begun at the server goes on there: the same command goes on with it"
    )


if __name__ == "__main__":
    sys.exit(main())
