"""`make drill`: what is off the machine is restored in a throw-away place. The container does it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from operations.deployment import Deployment
from operations.last_copy import backup_of
from operations.notices import Telling
from operations.place import Place
from operations.restore.job import Job, JobFailed
from operations.summary import outputs

__all__ = ["KINDS", "Drill", "JobFailed", "NoDrill", "act", "make"]

KINDS = {
    "copies": ("RESTIC_REPOSITORY", "copies of the dumps", "backup.offsite"),
    "log": ("ARCHIVE", "log of the database", "backup.point_in_time"),
}
"""By kind: the variable of the container that has it, what it restores, and the setting."""
SCRIPT = Path(__file__).with_name("drill.sh")
FAILED = 1
"""The exit code of a drill that came to its end and was not good."""


class NoDrill(Exception):
    """There is nothing to make one with; the message says what is missing."""


class Drill:
    """Of one stack, whose state says which container has what leaves the machine."""

    def __init__(
        self, deployment: Deployment, say: Callable[[str], None] = print, kind: str | None = None
    ) -> None:
        self.say = say
        self.recorded = deployment.environment.get("REHEARSAL_DOCKER") == "record"
        """Whether the containers are, and none runs."""
        self._stack, resources = deployment.stack, deployment.resources()
        given, (container, variables) = outputs(resources), backup_of(resources)
        if "containers" not in given:
            raise NoDrill(
                f"{self._stack} is not up: `make deploy STACK={self._stack}` makes what copies backups away"
            )
        there = [one for one, (variable, *_) in KINDS.items() if variable in variables]
        self.kinds = [kind] if kind else there
        """What is drilled, one after the other."""
        if missing := [KINDS[one] for one in self.kinds or KINDS if one not in there]:
            raise NoDrill(
                f"{self._stack} keeps no {' and no '.join(what for _, what, _ in missing)} off the machine, "
                "which could be restored: README.md, step 7, says how it does "
                f"({', '.join(setting for *_, setting in missing)})"
            )
        self._container = container
        self._place = Place.of(given)

    def run(self, kind: str) -> bool:
        """Makes one now, or tells how the one goes on that is under way; whether it was good.

        Raises:
            JobFailed: it could not be begun, or nobody knows how it ended.
        """
        job = Job(self._place, f"drill-{self._stack}-{kind}", SCRIPT.name)
        if job.running():
            self.say(f"a drill of the {kind} is under way; this is how it goes on")
        else:
            files = {SCRIPT.name: SCRIPT.read_text(encoding="utf-8")}
            job.start(files, [self._container, kind])
        try:
            job.follow(self.say)
        except JobFailed as error:
            if error.code != FAILED:
                raise
            return False
        return True

    def show(self, kind: str) -> bool:
        """Says the page of the last one; whether that was good."""
        words = ("docker", "exec", self._container, "bash", "/etc/jira/drill.sh", "show", kind)
        *page, code = self._place.run(f"{shlex.join(words)} 2>&1; echo $?").splitlines()
        self.say("\n".join(page))
        return code == "0"


def make(deployment: Deployment, say: Callable[[str], None] = print, kind: str | None = None) -> int:
    """One of each kind, or of `kind`, of which somebody is told; the exit code of the command line."""
    drill = Drill(deployment, say, kind)
    if drill.recorded:
        return act(drill, show=False)
    pages: list[str] = []

    def heard(line: str) -> None:
        say(line)
        if line.startswith(PAGE):
            pages.append(line)

    with Telling(deployment, say).of(f"drill of the {' and the '.join(drill.kinds)}") as outcome:
        drill.say = heard
        with deployment.way_in():
            code = act(drill, show=False)
        outcome.state = "failed" if code else "done"
        outcome.lines = [line for page in pages for line in _heads(page)]
    return code


PAGE = "# The drill"


def _heads(page: str) -> list[str]:
    """What it has come to, and why, without the tables."""
    lines = [line for line in page.splitlines() if line.strip() and not line.startswith("|")]
    return [line.removeprefix("# ") for line in lines]


def act(drill: Drill, *, show: bool) -> int:
    """What the command line asks for, of one kind after the other; its exit code."""
    if drill.recorded:
        drill.say("containers are recorded only, and none runs: there is nothing to restore")
        return 0
    good = True
    for kind in drill.kinds:
        made = show or drill.run(kind)
        good = drill.show(kind) and made and good
    return 0 if good else 1
