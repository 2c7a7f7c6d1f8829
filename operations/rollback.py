"""`make rollback`: back to a release that was good, by the way of every release."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from operations import stack_file
from operations.at_server import told
from operations.closing import close, timed
from operations.confirmation import confirmed
from operations.deployed import deployed
from operations.deployment import Deployment
from operations.interrupt import interruptible
from operations.notices import Telling
from operations.releases import IMAGES, Images, Releases, same

ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = """\
Writes the images of the last good release into the stack file and deploys them; where the file names these
already, those of the good release before. `make releases` lists what there is.
"""


class NoWayBack(Exception):
    """There is no such release, or it was not good; the message says what there is."""


class Rollback:
    """Of one stack, whose stack file is in its project's folder."""

    def __init__(self, deployment: Deployment, say: Callable[[str], None] = print) -> None:
        self._deployment, self._say = deployment, say
        self._file = deployment.project / f"Pulumi.{deployment.stack}.yaml"

    def act(self, to: str, *, sure: bool) -> bool:
        """Goes back to the release `to` (a number of the list, a part of a digest, or empty); whether it did.

        Raises:
            NoWayBack, Unwritable: nothing was changed.
            DeploymentFailed, Unwell: the stack file names the release, and it is not up, or not well.
        """
        stack = self._deployment.stack
        written = stack_file.images(self._file)
        now = {name: written.get(name, "") for name in IMAGES}
        wanted = meant(Releases.of(self._deployment), now, to, stack)
        beside = stack_file.canary(self._file)
        self._say(plan(stack, now, wanted, beside))
        if not (sure or confirmed(stack, "roll back")):
            self._say("not rolled back")
            return False
        if beside:
            stack_file.write_canary(self._file, {})
        stack_file.write_images(self._file, wanted)
        with Telling(self._deployment, self._say).of("rollback") as outcome:
            timing = timed("rollback", self._deployment.up, outcome)
            close(self._deployment, [timing], self._say)
        self._say(f"{self._file.name} names what runs: commit it, or the next deploy goes forward again")
        return True


def meant(releases: Releases, now: Images, to: str, stack: str) -> Images:
    """The images to go back to: the newest that were good and are not those of the stack file.

    Raises:
        NoWayBack: there are none, or `to` is none of them.
    """
    see = f"`make releases STACK={stack}` lists them"
    if to.isdigit() and len(to) < _SHORTEST_DIGEST:
        found = [update for update in releases.updates if update.number == int(to)]
        if not found:
            raise NoWayBack(f"TO: got {to}; {stack} has no such release; {see}")
        if not found[0].good:
            raise NoWayBack(f"TO: got {to}; that release {found[0].result}, and was never good; {see}")
        return found[0].images
    sets = list(releases.sets())
    if to:
        digest = to.removeprefix("sha256:")
        fitting = [s for s in sets if any(digest in r.partition("@")[2] for r in s.values())]
        if len(digest) < _SHORTEST_DIGEST or not fitting:
            raise NoWayBack(
                f"TO: got {to}; must be a number of the list, or {_SHORTEST_DIGEST} digits or more of the "
                f"digest of an image that was in a good release of {stack}; {see}"
            )
        return fitting[0]
    for images in sets:
        if not same(images, now):
            return images
    raise NoWayBack(
        f"{stack} had no good release but the one that its file names: there is nothing to go back to; {see}"
    )


_SHORTEST_DIGEST = 7


def plan(stack: str, now: Images, wanted: Images, canary: Mapping[str, Any]) -> str:
    """In words, what will be done, and what will not."""
    lines = [f"{stack}: back to a release that was good"]
    for name in IMAGES:
        if now.get(name) == wanted.get(name):
            lines.append(f"  {name} stays {wanted.get(name)}")
        else:
            lines += [f"  {name} was {now.get(name)}", f"  {' ' * len(name)} is  {wanted.get(name)}"]
        if "@" not in wanted.get(name, ""):
            lines.append(f"  {' ' * len(name)} (no digest was recorded: what the tag means today)")
    if canary:
        lines.append(f"  the canary {canary.get('image')} ({canary.get('share')} %) is taken back")
    lines += [
        f"  Pulumi.{stack}.yaml is written, then deployed as any release: a restore point, the migration of",
        "  that release, each container beside the old one until it is healthy, the check through the proxy",
        "not undone: the database's schema (migrations only add, so that the release before runs on it) and",
        f"  what was written since; `make restore STACK={stack} FROM=before` takes the data back, too.",
        "  The images of others (postgres, temporal, traefik, ...) stay as the file names them.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.rollback", description=DESCRIPTION)
    parser.add_argument("--stack", required=True, help="uat, prod or local")
    parser.add_argument("--to", default="", help="a number of `make releases`, or a part of a digest")
    parser.add_argument("--yes", action="store_true", help="do not ask for the stack's name")
    arguments = parser.parse_args()

    def work() -> int:
        sure = arguments.yes or os.environ.get("CI") == "true"
        with interruptible():
            return 0 if Rollback(deployed(ROOT, arguments.stack)).act(arguments.to, sure=sure) else 1

    return told(work, NoWayBack, "what exists is in the state, the next run goes on from there")


if __name__ == "__main__":
    sys.exit(main())
