"""`make releases`: which releases a stack had, how they ended, which one runs and which is the last good."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from operations.at_server import told
from operations.deployed import deployed
from operations.deployment import Deployment
from operations.releases import Releases

ROOT = Path(__file__).resolve().parents[2]


def listed(deployment: Deployment) -> str:
    """The table, or that there is nothing for it."""
    found = Releases.of(deployment)
    return found.table() if found.updates else f"{deployment.stack} had no release yet"


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.releases", description=__doc__)
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    stack = parser.parse_args().stack

    def work() -> int:
        print(listed(deployed(ROOT, stack)))
        return 0

    return told(work, ValueError, "nothing was changed")


if __name__ == "__main__":
    sys.exit(main())
