"""`make status`: how a stack is, asked over one connection by one script, which changes nothing."""

from __future__ import annotations

import shlex
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.host.folders import BACKUPS, DATA
from components.host.keys import ssh_options
from operations import stack_file
from operations.checks.certificates import Certificates
from operations.deployment import Deployment, DeploymentFailed
from operations.failures import SERVER
from operations.place import Place, complaint
from operations.status.report import Report, report
from operations.summary import outputs

__all__ = ["NotAsked", "Report", "status"]

SCRIPT = Path(__file__).with_name("status.sh")
KEYS = "jira-plus-plus:host:Keys"
KNOCK_SECONDS = (1.0, 2.0)
"""At the port as it is, and once it is open to this run."""
CONNECT_SECONDS = 4
"""For sshd, where the port answers: a machine that is short of something is slow, and not gone."""
ANSWER_SECONDS = 8.0
"""For the whole script, which gives a Docker that hangs 4 s."""
TLS_SECONDS = 3.0


class NotAsked(Exception):
    """Nobody can be asked how the stack is; the message says why, and what to do."""


def status(deployment: Deployment) -> Report:
    """How the stack is.

    Raises:
        NotAsked: it is not up, or its machine does not answer.
    """
    try:
        state = deployment.peek()
    except DeploymentFailed as error:
        raise NotAsked(str(error)) from None
    resources: list[Mapping[str, Any]] = list(state.get("resources") or [])
    stack, given = deployment.stack, outputs(resources)
    host = stack_file.section(deployment.project / f"Pulumi.{stack}.yaml", "host")
    kind = str(host.get("kind"))
    if deployment.environment.get("REHEARSAL_DOCKER") == "record":
        raise NotAsked("containers are recorded only, and none runs: there is nobody to ask")
    place = _place(resources, host)
    if place is None:
        raise NotAsked(f"{stack} is not up: `make deploy STACK={stack}` brings it up")
    words = [stack, *((BACKUPS, DATA[kind]) if kind in DATA else ())]
    with ExitStack() as way:
        try:
            try:
                _knock(place, KNOCK_SECONDS[0])
            except OSError:
                deployment.knock = lambda _: False  # it has just been tried
                way.enter_context(deployment.way_in())
                _knock(place, KNOCK_SECONDS[1])
            moment = time.time()
            printed = place.run(shlex.join(["sh", "-s", "--", *words]), SCRIPT.read_text(), ANSWER_SECONDS)
        except DeploymentFailed as error:
            raise NotAsked(f"{place.name} does not answer by ssh: {error}") from None
        except (OSError, subprocess.SubprocessError) as error:
            raise NotAsked(
                f"{place.name} cannot be asked: {complaint(error)}; does it run? `make deploy STACK={stack}` "
                "switches it on; else see docs/runbook.md, The machine does not answer"
            ) from None
        if "== machine" not in printed:
            raise NotAsked(
                f"{place.name} was reached, and did not tell anything: its disk or memory may be full"
            )
        certificates = Certificates(stack, given.get("urls") or {}, resources)
        shown = certificates.shown(place, TLS_SECONDS)
    return report(
        stack,
        resources,
        printed,
        moment,
        [(one, certificates.finding(one)) for one in shown],
        _unfinished(state, given),
    )


def _unfinished(state: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    if state.get("pending_operations"):
        return "was left by a deploy that was cut off"
    return "" if "containers" in given else "was not deployed to its end"


def _place(resources: Sequence[Mapping[str, Any]], host: Mapping[str, Any]) -> Place | None:
    """Where the containers run; of a stack half deployed, as far as the state tells. None: nowhere."""
    given = outputs(resources)
    if given.get("ssh") or (given.get("docker_host") and host.get("kind") == "local"):
        return _hurried(Place.of(given))
    if host.get("kind") == "local":
        return Place((), "") if resources else None
    folder = next((_output(one, "folder") for one in resources if one["type"] == KEYS), None)
    address = next((_output(one, "ipv4Address") for one in resources if one["type"] == SERVER), None)
    ssh = host.get("ssh") or {}
    if host.get("kind") == "existing":
        address = str(host.get("address"))
    if not folder or not address:
        return None
    words = ["ssh", "-p", str(ssh.get("port") or 22), *ssh_options(folder), f"deploy@{address}"]
    return _hurried(Place.of({"ssh": " ".join(words)}))


def _output(resource: Mapping[str, Any], name: str) -> str | None:
    found = (resource.get("outputs") or {}).get(name)
    return found if isinstance(found, str) else None


def _hurried(place: Place) -> Place:
    """The first of two values is ssh's."""
    if not place.ssh:
        return place
    program, *rest = place.ssh
    return replace(place, ssh=(program, "-o", f"ConnectTimeout={CONNECT_SECONDS}", *rest))


def _knock(place: Place, seconds: float) -> None:
    """Nothing where the port of ssh answers: a run need not open it for itself.

    Raises:
        OSError: it does not, within `seconds`.
    """
    if place.ssh:
        port = place.ssh[place.ssh.index("-p") + 1] if "-p" in place.ssh else "22"
        socket.create_connection((place.name.rpartition("@")[2], int(port)), seconds).close()
