"""Whether an image is as its contract says: its configuration, its programs, its places, its version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import docker
import requests
from docker.errors import APIError

from rehearsal.images import LABEL
from rehearsal.images.contents import Contents, contents
from rehearsal.images.contract import Contract

PATIENCE_SECONDS = 30
_SHELL_PROGRAMS = {"ash": "busybox", "dash": "dash", "bash": "bash"}


def breaches(client: docker.DockerClient, image: str, held: Contract) -> list[str]:
    """In what the image, which is there, differs from its contract; each says what is and what should be."""
    config: Mapping[str, Any] = client.images.get(image).attrs["Config"]
    there = contents(client, image)
    return [
        *_configuration(config, held),
        *_programs(there, held),
        *_users(there, held),
        *_places(there, held),
        *_version(client, image, held),
    ]


def _configuration(config: Mapping[str, Any], held: Contract) -> Iterator[str]:
    is_and_should = {
        "user": (config.get("User") or "", held.user),
        "entrypoint": (tuple(config.get("Entrypoint") or ()), held.entrypoint),
        "command": (tuple(config.get("Cmd") or ()), held.command),
        "working directory": (config.get("WorkingDir") or "/", held.workdir),
        "stop signal": (config.get("StopSignal") or "SIGTERM", held.stop_signal),
        "volumes": (set(config.get("Volumes") or ()), set(held.volumes)),
        "ports": (set(config.get("ExposedPorts") or ()), {f"{port}/tcp" for port in held.ports}),
    }
    for name, (value, expected) in is_and_should.items():
        if value != expected:
            yield f"{name}: {_shown(value)}, not {_shown(expected)}"
    environment = dict(pair.split("=", 1) for pair in config.get("Env") or ())
    for name, expected in held.variables.items():
        if environment.get(name) != expected:
            yield f"variable {name}: {environment.get(name)!r}, not {expected!r}"


def _shown(value: object) -> str:
    if isinstance(value, set | tuple):
        return " ".join(sorted(value) if isinstance(value, set) else value) or "none"
    return str(value) or "none"


def _programs(there: Contents, held: Contract) -> Iterator[str]:
    missing = sorted(path for path in held.callable_files() if not there.executable(path))
    if missing:
        yield f"programs that are not there: {' '.join(missing)}"
    for path, dialect in held.shells.items():
        real = there.real(path)
        name = _SHELL_PROGRAMS.get(dialect)
        if name and real is not None and real.rpartition("/")[2] != name:
            yield f"{path} is {real}, not {name}"


def _users(there: Contents, held: Contract) -> Iterator[str]:
    users = there.users()
    for name, numbers in held.users.items():
        if users.get(name) != numbers:
            yield f"user {name}: {users.get(name, 'none')}, not {numbers}"


def _places(there: Contents, held: Contract) -> Iterator[str]:
    for path, place in held.paths.items():
        real = there.real(path)
        if real is None:
            yield f"{path} is not there"
            continue
        entry = there.files[real]
        if place.owner is not None and entry.owner != place.owner:
            yield f"{path} belongs to {entry.owner}, not {place.owner}"
        if place.mode is not None and entry.mode != int(place.mode, 8):
            yield f"{path} has the mode {entry.mode:04o}, not {place.mode}"


def _version(client: docker.DockerClient, image: str, held: Contract) -> Iterator[str]:
    pattern = held.version_pattern
    if held.tells is None or pattern is None:
        return
    command = " ".join(held.tells.command)
    code, output = _run(client, image, held)
    if code != 0:
        yield f"version: `{command}` ended with {code}: {output.strip()}"
    elif not pattern.search(output):
        yield f"version: `{command}` tells {output.strip().partition(chr(10))[0]!r}, not {held.number}"


def _run(client: docker.DockerClient, image: str, held: Contract) -> tuple[int, str]:
    """Exit code and output of the version command, as what the program runs is locked up."""
    program, *arguments = held.tells.command if held.tells else ("true",)
    container = client.containers.create(
        image,
        arguments,
        entrypoint=program,
        user=held.user_numbers,
        labels={LABEL: "inspection"},
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
    )
    try:
        container.start()
        code = int(container.wait(timeout=PATIENCE_SECONDS)["StatusCode"])
        return code, container.logs().decode(errors="replace")
    except (APIError, requests.RequestException) as error:
        return -1, str(getattr(error, "explanation", None) or error)
    finally:
        container.remove(force=True, v=True)
