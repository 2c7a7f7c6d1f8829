"""The command line of `make status`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from operations.deployed import deployed
from operations.deployment import DeploymentFailed
from operations.engine import EngineMissing
from operations.environment import EnvironmentIncomplete
from operations.status import NotAsked, status
from operations.status.table import table

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = """\
How a stack is: what is red and what to do about it, then each service with its release, health, restarts and
memory, the last backups and drills, certificates, the machine, and the alerts that fire. Asked over one
connection; nothing is changed.
"""


def main() -> int:
    """Exit codes: 0 all is well, 1 something is red, 2 nobody can be asked, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.status",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    parser.add_argument("--json", action="store_true", help="the same as one JSON document")
    arguments = parser.parse_args()
    try:
        found = status(deployed(ROOT, arguments.stack))
    except (
        *(DeploymentFailed, EngineMissing, EnvironmentIncomplete, NotAsked),
        *(OSError, subprocess.SubprocessError),
    ) as error:
        if arguments.json:
            print(
                json.dumps({"stack": arguments.stack, "reachable": False, "well": False, "error": str(error)})
            )
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(json.dumps(found.document(), default=str) if arguments.json else table(found))
    return 0 if found.well else 1


if __name__ == "__main__":
    sys.exit(main())
