"""`make recreate`: a stack is destroyed, shown to be gone, and made anew with its names, timed."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from operations import last_copy, stack_file, summary
from operations.at_server import told
from operations.checks import verify
from operations.confirmation import confirmed
from operations.deployed import deployed
from operations.deployment import Deployment
from operations.interrupt import interruptible
from operations.journal import Journal
from operations.orphans.hetzner import left
from operations.reset import MASKED, Refused, Reset, source_of
from operations.reset import act as reset
from operations.restore import NoSource
from operations.summary import Timing, outputs

ROOT = Path(__file__).resolve().parents[1]
DESCRIPTION = """\
Deletes every resource of a stack, looks that nothing of it is left, and deploys it again: the same names and
images, a certificate and passwords made anew, and the data that its file names (backup.reset with masked
rows, or application.seed_data). Refused for a protected stack. With a place for copies off the machine a last
one is made first.
"""


class NotRecreated(NoSource):
    """It is not as it was, or something of it was left; the message says what."""


class Recreation:
    """Of one stack, whose stack file is in its project's folder."""

    def __init__(
        self, deployment: Deployment, say: Callable[[str], None], empty: Callable[[], list[str]]
    ) -> None:
        """`empty` names what is left of a stack that was destroyed."""
        self._deployment, self._say, self._empty = deployment, say, empty
        self._file = deployment.project / f"Pulumi.{deployment.stack}.yaml"

    def act(self, *, sure: bool, copy: bool = True) -> list[Timing] | None:
        """Does it; how long each step took. None: it was not wanted.

        Raises:
            Refused: the stack is protected, or its data cannot come from where its file says.
            DeploymentFailed: a step failed; the next run goes on from there.
            NotRecreated: something was left, or its names are not what they were.
        """
        stack = self._deployment.stack
        if self._settings("host").get("protected") or self._deployment.protected():
            raise Refused(
                f"host.protected: {stack} is protected, and a recreation throws its data away; "
                "`make replace` makes the server anew and keeps them"
            )
        source = source_of(self._deployment.project, stack, "")
        before = self._lasting()
        self._say(self._plan(source))
        if not (sure or confirmed(stack, "delete all of, and make anew,")):
            self._say("not recreated")
            return None
        if copy:
            last_copy.before_destroy(self._deployment)
        timings = [self._timed("destroy", self._deployment.destroy)]
        if found := self._empty():
            raise NotRecreated(
                f"destroy of {stack} left {', '.join(found)}; delete it by hand, then "
                f"`make deploy STACK={stack}`"
            )
        timings.append(self._timed("up", self._deployment.up))
        if source == MASKED:
            started = time.monotonic()
            with self._deployment.way_in():
                reset(Reset(self._deployment, self._say), source, sure=True)
            timings.append(Timing("data", time.monotonic() - started, 0))
        if before and (after := self._lasting()) != before:
            raise NotRecreated(f"{stack} was {before} and is {after}; correct {self._file.name} and deploy")
        seconds = sum(timing.seconds for timing in timings)
        steps = ", ".join(f"{timing.step} {timing.seconds:.0f} s" for timing in timings)
        self._say(f"\n{stack} was recreated in {seconds:.0f} s ({steps}); nothing of the old one is left")
        return timings

    def _lasting(self) -> dict[str, Any]:
        """What must be the same in the new one; empty: there was none."""
        given = outputs(self._deployment.resources())
        return {name: given[name] for name in ("urls", "admin_email") if name in given}

    def _plan(self, source: str | None) -> str:
        tls = self._settings("tls").get("mode")
        certificate = (
            "a certificate for each name is ordered of Let's Encrypt, which gives 5 a week for the same names"
            if tls == "dns-01"
            else "the certificate is made anew, and nothing scarce is spent"
        )
        seeded = self._settings("application").get("seed_data")
        data = (
            "masked rows, as backup.reset says"
            if source == MASKED
            else "the sample projects (application.seed_data)"
            if seeded
            else "none: set application.seed_data, or backup.reset"
        )
        return "\n".join(
            [
                f"{self._deployment.stack}: everything is deleted, and made anew",
                "  names and images stay as they are; addresses and passwords are new",
                f"  {certificate}",
                f"  data: {data}",
            ]
        )

    def _settings(self, section: str) -> Mapping[str, Any]:
        return stack_file.section(self._file, section)

    def _timed(self, step: str, run: Callable[[], Journal]) -> Timing:
        self._say(f"\n── {step} {self._deployment.stack}")
        started = time.monotonic()
        journal = run()
        return Timing(step, time.monotonic() - started, journal.changes)


def main() -> int:
    """Exit codes: 0 done, 1 not done, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m operations.recreate", description=DESCRIPTION)
    parser.add_argument("--stack", required=True, help="uat or local")
    parser.add_argument("--yes", action="store_true", help="do not ask for the stack's name")
    parser.add_argument("--without-copy", action="store_true", help="without a last copy of the data")
    arguments = parser.parse_args()
    stack = arguments.stack

    def work() -> int:
        sure = arguments.yes or os.environ.get("CI") == "true"
        with interruptible():
            deployment = deployed(ROOT, stack)
            kind = stack_file.section(ROOT / f"Pulumi.{stack}.yaml", "host").get("kind")
            environment = deployment.environment
            recreation = Recreation(
                deployment, print, lambda: left(environment, stack) if kind == "hetzner" else []
            )
            timings = recreation.act(sure=sure, copy=not arguments.without_copy)
            if timings is None:
                return 1
            resources = deployment.resources()
            print("\n" + summary.table(stack, resources, timings))
            with deployment.way_in():
                verify(stack, resources, environment)
        return 0

    return told(work, NoSource, "what exists is in the state, the next run goes on from there")


if __name__ == "__main__":
    sys.exit(main())
