"""The command line of `make drill`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from operations.deployment import Deployment, DeploymentFailed
from operations.drill import Drill, JobFailed, NoDrill, act
from operations.engine import EngineMissing, engine
from operations.environment import EnvironmentIncomplete, complete_environment
from operations.place import complaint

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = """\
Restores the newest copy off the machine of a stack that is up, in a cluster that is thrown away, beside what
serves and without a touch of it; checks it, and says what that took. The stack does so by itself each
backup.offsite.drill_days days.
"""


def main() -> int:
    """Exit codes: 0 the drill was good, 1 not, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.drill",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    parser.add_argument("--show", action="store_true", help="make none, show what the last one was")
    arguments = parser.parse_args()
    try:
        deployment = Deployment(
            project=ROOT,
            stack=arguments.stack,
            binary=engine(),
            environment=complete_environment(ROOT, arguments.stack, os.environ),
        )
        with deployment.way_in():
            return act(Drill(deployment), show=arguments.show)
    except (DeploymentFailed, EngineMissing, EnvironmentIncomplete, JobFailed, NoDrill, OSError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except subprocess.SubprocessError as error:
        print(
            f"\nerror: the server cannot be asked: {complaint(error)}; see docs/runbook.md, Nobody gets in",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(
            "\ninterrupted; a drill that has begun at the server goes on there: the same command tells of it"
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
