"""What a run leaves behind: among recorded containers, in this machine's Docker, in the user's ssh folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from operations import ssh_files
from operations.journal import Intent
from operations.orphans import Context
from rehearsal.plugins.docker.engine import EngineError
from rehearsal.plugins.docker.recorded import RecordedEngine, host_name


class RecordedDocker:
    """In the record mode, takes the place of `operations.orphans.docker.DockerHost`."""

    prefix = "docker:"

    def __init__(self, state: Path) -> None:
        self._folder = state / "docker"

    def remove(self, intent: Intent, context: Context) -> str | None:
        """See `operations.orphans.Finder`."""
        kind, name = intent.type.rsplit(":", 1)[-1].lower(), intent.inputs.get("name")
        provider = context.providers.get(intent.provider.rsplit("::", 1)[0], {})
        host = host_name(str(provider.get("host") or "unix:///var/run/docker.sock"))
        if kind not in ("container", "network", "volume") or not isinstance(name, str):
            return None
        if not self._folder.is_dir():
            return None
        engine = RecordedEngine(self._folder, host)
        inspect = {
            "container": engine.inspect_container,
            "network": engine.inspect_network,
            "volume": engine.inspect_volume,
        }
        try:
            found = inspect[kind](name)
        except EngineError as error:
            if error.missing:
                return None
            raise
        if found["Name" if kind == "volume" else "Id"] in context.known:
            return None
        if kind == "container":
            engine.remove_container(found["Id"], True)
        elif kind == "volume":
            engine.remove_volume(name)
        else:
            engine.remove_network(found["Id"])
        return f"recorded {kind} {name}"


def forget_ssh_files(state: Path) -> None:
    """Removes the ssh files of all keys that the rehearsal in `state` ever had: its backend names them."""
    for checkpoint in (state / "backend").rglob("*.json"):
        ssh_files.forget(checkpoint.read_text())


def in_docker(stack: str) -> list[str]:
    """Containers, networks and volumes of a stack in the Docker of this machine, as `container jira-…`."""
    found = []
    for kind, arguments, name in (
        ("container", ("ps", "--all"), "{{.Names}}"),
        ("network", ("network", "ls"), "{{.Name}}"),
        ("volume", ("volume", "ls"), "{{.Name}}"),
    ):
        listed = subprocess.run(
            ["docker", *arguments, f"--filter=label=jira-plus-plus.stack={stack}", f"--format={name}"],
            capture_output=True,
            text=True,
            check=True,
        )
        found += [f"{kind} {line}" for line in listed.stdout.splitlines()]
    return found
