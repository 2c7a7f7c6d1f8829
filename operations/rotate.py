"""`make rotate`: secrets made anew, by numbers in the stack file that are raised and then deployed."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.services.logins import login
from components.settings.rotations import Rotations
from components.settings.secrets import SECRETS
from operations import stack_file
from operations.at_server import told
from operations.closing import close, timed
from operations.deployed import deployed
from operations.deployment import Deployment
from operations.interrupt import interruptible
from operations.notices import Telling
from operations.summary import outputs

ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = """\
Makes secrets anew: raises their numbers in the stack file, whose comments stay, and deploys it. Run again
after it was cut off or has failed it goes on with the same numbers; what was there before works until it is
through. `pulumi stack output rotated` has since when each is the one that it is.
"""
MADE = tuple(Rotations.model_fields)
"""The secrets that the program makes, and can make anew."""
ALL = "all"
PAGE = "docs/runbook.md, A secret is old"
NOTE = "rotated-noted"
"""The last command of a rotation (`components.services.rotated`); its arguments have the numbers."""
_REACHED = re.compile(r"([a-z_]+)=(\d+):[0-9a-f]+")

MEANS: Mapping[str, str] = {
    "postgres": "at once; nothing logs in with it but an operator",
    "jira": "API and worker come anew beside the old ones, with the login {login}; the one before is shut"
    " once they are gone",
    "migration": "the migration runs again with it",
    "temporal": "Temporal starts anew, with the login {login}: for some seconds no workflow begins, and those"
    " that run go on",
    "backup": "the backup's container starts anew; a dump that is being made is made again",
    "monitoring": "the database's exporter starts anew",
    "session": "API and worker come anew; everybody who is signed in signs in anew",
    "admin": "the first user's password is another; API and worker come anew",
    "temporal_ui": "the proxy takes the new one at once, and refuses the one before",
    "metrics": "the proxy takes the new one at once, and refuses the one before",
    "grafana": "Grafana starts anew with it, and the proxy takes it at once",
}
"""What is seen of another one."""
REFUSED: Mapping[str, str] = {
    "ssh": "the host key is what the machine is known by, and the deploy key the only way in: whoever is cut"
    " off between two of them is out for good; both are new with a new stack (docs/decisions.md, The ssh keys"
    " are the machine's for life)",
    **{
        name: "what is in its bucket is encrypted with it: another one is for another bucket"
        for name in SECRETS
        if name.endswith("passphrase")
    },
}


class NoRotation(Exception):
    """Nothing is made anew; the message says why, and what would do it."""


class Rotation:
    """Of one stack that is up, whose stack file is in its project's folder."""

    def __init__(self, deployment: Deployment, say: Callable[[str], None] = print) -> None:
        self._deployment, self._say = deployment, say
        self._stack = deployment.stack
        self._file = deployment.project / f"Pulumi.{deployment.stack}.yaml"

    def act(self, secrets: str) -> None:
        """Makes `secrets` anew: names with commas between them, or `ALL`.

        Raises:
            NoRotation, Unwritable: nothing was changed.
            DeploymentFailed, Unwell: the numbers are raised, and not reached, or the stack is not well.
        """
        names = meant(secrets, self._stack)
        self.raise_(names)
        self.deploy(names)

    def raise_(self, names: Sequence[str]) -> Mapping[str, int]:
        """Raises the numbers of these, but for those that no deploy has reached yet; all that are written.

        Raises:
            NoRotation, Unwritable: nothing was changed.
        """
        resources = self._deployment.resources()
        if "containers" not in outputs(resources):
            raise NoRotation(
                f"{self._stack} is not up, and has no secret yet: `make deploy STACK={self._stack}` makes all"
            )
        written = stack_file.rotations(self._file)
        wanted = raised(names, written, reached(resources), self._file.name)
        self._say(plan(self._stack, names, written, wanted))
        if wanted != {name: written.get(name, 0) for name in names}:
            stack_file.write_rotations(self._file, wanted)
        return stack_file.rotations(self._file)

    def deploy(self, names: Sequence[str]) -> None:
        """Deploys what is written, and looks whether all is well.

        Raises:
            DeploymentFailed, Unwell: see `act`.
        """
        stack = self._stack
        with Telling(self._deployment, self._say).of(f"rotation of {', '.join(names)}") as outcome:
            timing = timed("rotate", self._deployment.up, outcome)
            resources = close(self._deployment, [timing], self._say)
        since = outputs(resources).get("rotated") or {}
        self._say("\n".join(f"{name} is another one since {since.get(name, 'now')}" for name in names))
        self._say(f"`pulumi stack output --show-secrets --stack {stack}` shows those that people log in with")
        self._say(f"{self._file.name} has the numbers: commit it, or the next deploy makes yet other ones")


def meant(secrets: str, stack: str) -> tuple[str, ...]:
    """The secrets that a human names.

    Raises:
        NoRotation: one of them is none, or not the program's to make.
    """
    names = [name.strip().replace("-", "_") for name in secrets.split(",") if name.strip()]
    if not names:
        raise NoRotation(f"SECRET: got nothing; give {ALL}, or of {', '.join(MADE)}, with commas")
    if names == [ALL]:
        return MADE
    for name in names:
        if why := REFUSED.get(name):
            raise NoRotation(f"SECRET: got {name}; {why}; see {PAGE}")
        if name in SECRETS:
            raise NoRotation(
                f"SECRET: got {name}; it is you who gives it ({SECRETS[name]}): make another one there, "
                f"`pulumi config set --secret {name} --stack {stack}`, `make deploy STACK={stack}`, and then "
                "take the one before back where it was made"
            )
        if name not in MADE:
            raise NoRotation(f"SECRET: got {name}; must be {ALL}, or of {', '.join(MADE)}, with commas")
    return tuple(dict.fromkeys(names))


def reached(resources: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The numbers that a deploy has reached to its end; empty: none of a program that notes them."""
    for resource in resources:
        if str(resource["urn"]).rsplit("::", 1)[-1] == NOTE:
            command = (resource.get("inputs") or {}).get("create", "")
            found = map(_REACHED.fullmatch, shlex.split(command if isinstance(command, str) else ""))
            return {match[1]: int(match[2]) for match in found if match}
    return {}


def raised(
    names: Sequence[str], written: Mapping[str, int], reached: Mapping[str, int], file: str
) -> dict[str, int]:
    """The numbers to deploy: those of the file where no deploy has reached them, else one more.

    Raises:
        NoRotation: one of them was raised by more than one, so that the login would be the same.
    """
    wanted = {}
    for name in names:
        there, was = written.get(name, 0), reached.get(name, 0)
        if there > was + 1:
            raise NoRotation(
                f"{file}: rotations.{name}: got {there}, and what runs is {was}; logins take turns, and this "
                f"would be a turn left out: write {was + 1}"
            )
        wanted[name] = there if there > was else was + 1
    return wanted


def plan(stack: str, names: Sequence[str], written: Mapping[str, int], wanted: Mapping[str, int]) -> str:
    """In words, what will be done."""
    lines = [f"{stack}: another value in place of {', '.join(names)}"]
    for name in names:
        going_on = ", which was begun" if wanted[name] == written.get(name, 0) else ""
        means = MEANS[name].format(login=login(name, wanted[name]))
        lines.append(f"  {name} (number {wanted[name]}{going_on}): {means}")
    lines.append("  what was there before works until the deploy is through; cut off, run the same again")
    return "\n".join(lines)


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.rotate", description=DESCRIPTION)
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    parser.add_argument("--secret", default="", help=f"{ALL}, or of {', '.join(MADE)}, with commas")
    arguments = parser.parse_args()

    def work() -> int:
        with interruptible():
            meant(arguments.secret, arguments.stack)  # before anything is asked for
            Rotation(deployed(ROOT, arguments.stack)).act(arguments.secret)
        return 0

    return told(work, NoRotation, "the numbers are in the stack file, and the next run goes on with them")


if __name__ == "__main__":
    sys.exit(main())
