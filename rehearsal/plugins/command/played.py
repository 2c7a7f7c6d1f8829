"""What commands do to containers, where both are only recorded: those that end some, or wait for one.

They are known by the names that the program gives them. The others do nothing to a container that anything
asks for.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from rehearsal.plugins.docker.recorded import RecordedEngine
from rehearsal.plugins.docker.records import host_name
from rehearsal.plugins.provider import ProviderError

_STACK, _SERVICE = "jira-plus-plus.stack", "jira-plus-plus.service"


def play(resource: str, operation: str, command: str, place: str) -> None:
    """Does to the recorded containers at `place` what the command of this resource does to real ones.

    Raises:
        ProviderError: a container does not become well; it is stopped.
    """
    state = os.environ.get("REHEARSAL_STATE")
    if not state:
        return
    engine = RecordedEngine(
        Path(state) / "docker", place if place == "local" else host_name(f"ssh://{place}")
    )
    if resource.endswith("-healthy") and operation == "create":
        _await(engine, shlex.split(command))
    elif resource == "cutover" and operation != "delete":
        words = shlex.split(command)
        at = words.index("--")
        stack, pairs = words[at + 4], dict(pair.split("=") for pair in words[at + 5 :])
        for service, name in pairs.items():
            _end(engine, stack, service, keep=name)
    elif resource == "cutover-end" and operation == "delete":
        found = re.search(r"^end_all (.*)$", command, re.MULTILINE)
        _, stack, *services = shlex.split(found[1]) if found else ("", "")
        for service in services:
            _end(engine, stack, service)
    elif resource == "network-emptied" and operation == "delete":
        words = shlex.split(command.partition("<<")[0])
        _end(engine, words[words.index("--") + 1], None)


def _await(engine: RecordedEngine, words: list[str]) -> None:
    name = words[words.index("--") + 1]
    if engine.inspect_container(name)["State"]["Health"]["Status"] != "healthy":
        engine.stop_container(name, 10)
        raise ProviderError(
            f"{name} was not well within 120 s: it is stopped, and what served before serves on."
        )


def _end(engine: RecordedEngine, stack: str, service: str | None, keep: str | None = None) -> None:
    for container in engine.containers():
        labels, name = container["Config"]["Labels"], container["Name"].lstrip("/")
        if labels.get(_STACK) == stack and service in (None, labels.get(_SERVICE)) and name != keep:
            engine.stop_container(container["Id"], int(container["Config"].get("StopTimeout") or 10))
            engine.remove_container(container["Id"], True)
