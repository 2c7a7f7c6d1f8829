"""Before a stack goes: its data as they are, off the machine."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from operations.deployment import Deployment, DeploymentFailed
from operations.journal import Journal
from operations.place import Place
from operations.summary import outputs

CONTAINER = "docker:index/container:Container"
_WORK = {
    "RESTIC_REPOSITORY": "bash /etc/jira/backup.sh manual && bash /etc/jira/offsite.sh push",
    "ARCHIVE": "bash /etc/jira/archive.sh last",
}
"""What is done in the container of the backup, by the variable that it has for it."""


def before_destroy(deployment: Deployment) -> None:
    """What is there goes off the machine, where the stack has a place for it.

    Raises:
        DeploymentFailed: it does not, and so nothing should be destroyed.
    """
    if deployment.environment.get("REHEARSAL_DOCKER") == "record" or deployment.protected():
        return  # nothing runs, so that there are no data; or it will be refused
    try:
        with deployment.way_in():
            taken = take(deployment.resources(), deployment.say)
    except NoLastCopy as error:
        raise DeploymentFailed(
            f"nothing was destroyed: the last copy of the data did not come about: {error}. Mend that, or, "
            "if nobody needs the data: --without-copy (make destroy COPY=no)",
            Journal(),
        ) from None
    if taken:
        deployment.say("  when the stack is there again, make restore FROM=former brings it back")


class NoLastCopy(Exception):
    """It did not come about; the message says why."""


def backup_of(resources: Iterable[Mapping[str, Any]]) -> tuple[str, dict[str, str]]:
    """The name in Docker of the container of the backup, and its variables; empty: there is none."""
    for resource in resources:
        given = resource.get("outputs") or {}
        if resource["type"] == CONTAINER and "BACKUPS=" in str(given.get("envs")):
            return str(given["name"]), dict(str(one).split("=", 1) for one in given["envs"])
    return "", {}


def take(resources: Sequence[Mapping[str, Any]], say: Callable[[str], None] = print) -> bool:
    """Makes a backup and copies it off the machine, and sends the log; False where the stack has neither.

    Raises:
        NoLastCopy: it failed, or nobody could be asked.
    """
    (name, variables), given = backup_of(resources), outputs(resources)
    work = " && ".join(work for variable, work in _WORK.items() if variable in variables)
    if not work or "containers" not in given:
        return False
    say("what is there leaves the machine: a last backup, the log up to now")
    shim = ("/bin/sh", "/run/jira/entrypoint.sh", "--")
    command = shlex.join(["docker", "exec", name, *shim, "sh", "-c", work])
    last = "nothing was said"
    try:
        place = Place.of(given)
        with place.popen(f"{command} 2>&1", stdin=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            for raw in process.stdout:
                last = raw.decode(errors="replace").strip()
                say(f"  {last}")
    except (OSError, subprocess.SubprocessError) as error:
        raise NoLastCopy(str(error)) from None
    if process.returncode:
        raise NoLastCopy(last)
    return True
