"""Leftovers on a Docker host, asked through `docker` there (over ssh) or here."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from operations.journal import Intent
from operations.orphans import Context

_KINDS = {
    "docker:index/container:Container": "container",
    "docker:index/network:Network": "network",
    "docker:index/volume:Volume": "volume",
}
_LIST = {"container": ["--all", "--no-trunc"], "network": ["--no-trunc"], "volume": []}


class DockerHost:
    """Uses the address and the ssh options of the provider that was to create the resource."""

    prefix = "docker:"

    def remove(self, intent: Intent, context: Context) -> str | None:
        """See `Finder`. An image is pulled or found alike: it needs nothing.

        Docker takes a volume over that is there, so an old one is somebody's: only what the run can have made
        goes, and Docker keeps what a container uses.
        """
        kind = _KINDS.get(intent.type)
        name = intent.inputs.get("name")
        if kind is None or not isinstance(name, str):
            return None
        docker = _docker(context.providers.get(intent.provider.rsplit("::", 1)[0], {}))
        listed = _run([*docker, kind, "ls", *_LIST[kind], "--quiet", "--filter", f"name={name}"])
        removed = []
        for identity in listed.split():
            (found,) = json.loads(_run([*docker, kind, "inspect", identity]))
            if found["Name"].removeprefix("/") != name or identity in context.known:
                continue
            created = _moment(found["CreatedAt" if kind == "volume" else "Created"])
            ours = context.of_the_run(created) if kind == "volume" else not context.younger(created)
            if ours:  # and not another run's
                _run([*docker, kind, "rm", *(["--force"] if kind == "container" else []), identity])
                removed.append(identity[:12])
        return f"{kind} {name} ({', '.join(removed)})" if removed else None


def _docker(provider: Mapping[str, Any]) -> list[str]:
    host = provider.get("host") or "unix:///var/run/docker.sock"
    address = urlsplit(str(host))
    if address.scheme != "ssh":
        return ["docker", "--host", str(host)]
    options = provider.get("sshOpts") or []
    if isinstance(options, str):  # a provider's lists are kept as JSON text in the state
        options = json.loads(options)
    port = ["-p", str(address.port)] if address.port else []
    target = f"{address.username}@{address.hostname}" if address.username else str(address.hostname)
    return [
        "ssh",
        *map(str, options),
        "-o",
        "BatchMode=yes",
        "-o",
        "ConnectTimeout=10",
        *port,
        target,
        "docker",
    ]


def _moment(text: str) -> datetime:
    """Docker's nanoseconds, and the offset of its host (`+01:00` or `Z`)."""
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text))


def _run(argv: list[str]) -> str:
    if argv[0] == "ssh":  # the far shell splits its words again
        at = argv.index("docker")
        argv = [*argv[:at], shlex.join(argv[at:])]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
