"""`make drill`: the newest copy off the machine is restored in a throw-away place. The container does it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from operations.deployment import Deployment
from operations.last_copy import backup_of
from operations.place import Place
from operations.restore.job import Job, JobFailed
from operations.summary import outputs

__all__ = ["Drill", "JobFailed", "NoDrill", "act"]

SCRIPT = Path(__file__).with_name("drill.sh")


class NoDrill(Exception):
    """There is nothing to make one with; the message says what is missing."""


class Drill:
    """Of one stack, whose state says which container copies its backups off the machine."""

    def __init__(self, deployment: Deployment, say: Callable[[str], None] = print) -> None:
        self.say = say
        self.recorded = deployment.environment.get("REHEARSAL_DOCKER") == "record"
        """Whether the containers are, and none runs."""
        stack, resources = deployment.stack, deployment.resources()
        given, (container, variables) = outputs(resources), backup_of(resources)
        if "containers" not in given:
            raise NoDrill(f"{stack} is not up: `make deploy STACK={stack}` makes what copies backups away")
        if "RESTIC_REPOSITORY" not in variables:
            raise NoDrill(
                f"{stack} keeps no copies off the machine, of which one could be restored: "
                "README.md, step 7, says how it does (backup.offsite)"
            )
        self._container = container
        self._place = Place.of(given)
        self._job = Job(self._place, f"drill-{stack}", SCRIPT.name)

    def run(self) -> bool:
        """Makes one now, or tells how the one goes on that is under way; whether it was good.

        Raises:
            JobFailed: it could not be begun, or nobody knows how it ended.
        """
        if self._job.running():
            self.say("a drill is under way; this is how it goes on")
        else:
            files = {SCRIPT.name: SCRIPT.read_text(encoding="utf-8")}
            self._job.start(files, [self._container])
        try:
            self._job.follow(self.say)
        except JobFailed as error:
            if str(error) != f"{self._job.name} ended with 1":
                raise
            return False
        return True

    def show(self) -> bool:
        """Says the page of the last one; whether that was good."""
        words = ("docker", "exec", self._container, "bash", "/etc/jira/drill.sh", "show")
        *page, code = self._place.run(f"{shlex.join(words)} 2>&1; echo $?").splitlines()
        self.say("\n".join(page))
        return code == "0"


def act(drill: Drill, *, show: bool) -> int:
    """What the command line asks for; its exit code."""
    if drill.recorded:
        drill.say("containers are recorded only, and none runs: there is nothing to restore")
        return 0
    good = show or drill.run()
    return 0 if drill.show() and good else 1
