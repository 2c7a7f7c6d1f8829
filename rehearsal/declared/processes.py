"""What runs in containers, as the resources say it: services, jobs, and commands within a service."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rehearsal.declared.packed import files
from rehearsal.declared.platform import commands, containers
from rehearsal.declared.programs import expanded
from rehearsal.declared.recording import Recorded
from rehearsal.declared.shell import Word, parse

IMAGE = "docker:index/remoteImage:RemoteImage"


@dataclass(frozen=True)
class Lent:
    """A folder of an image (its name in the stack file), whose content a volume brings to a container."""

    key: str
    folder: str


@dataclass(frozen=True)
class Process:
    """A command line in an image, and what it is given there."""

    name: str
    """The service, or the command on the host that starts it."""
    image: str
    """The reference, as the stack file has it."""
    key: str
    """The image's name in the stack file."""
    command: tuple[str, ...]
    """The whole: entrypoint and arguments. Empty: the image's own."""
    user: str
    """`uid:gid`; empty: the image's own."""
    health: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Absolute path to content of each file that the program mounts there, read-only."""
    places: tuple[str, ...] = ()
    """What is mounted besides: tmpfs, volumes, folders and sockets of the host."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """By place, the volume that is mounted there."""
    borrowed: Mapping[str, Lent] = field(default_factory=dict)
    """By place, what a volume brings there of another image."""


def processes(recorded: Recorded) -> list[Process]:
    """Every process of a declared platform, in order of name.

    Raises:
        ValueError: a command on the host starts a container in a way that cannot be read.
    """
    images = {f"sha256:{r.name}": (r.name, str(r.inputs["name"])) for r in recorded.of(IMAGE)}
    folders = _folders(recorded)
    services = {
        name: _service(name, registration.inputs, images, folders)
        for name, registration in containers(recorded).items()
    }
    in_docker = {r.inputs.get("name", f"{name}-0a1b2c3"): name for name, r in containers(recorded).items()}
    found = list(services.values())
    for name, registration in commands(recorded).items():
        for words in _docker_calls(str(registration.inputs.get("create", ""))):
            match words:
                case ["run", *rest]:
                    found.append(_job(name, rest, images, folders))
                case ["exec", container, *rest]:
                    service = services[in_docker[container]]
                    found.append(replace(service, name=name, command=tuple(rest), health=()))
    return sorted((_borrowing(one, found) for one in found), key=lambda process: process.name)


def _borrowing(process: Process, others: list[Process]) -> Process:
    """Docker fills a new volume with what the image has where it is mounted first: some jobs only do that."""
    fillers = {
        volume: Lent(job.key, place)
        for job in others
        if not job.health and job.key != process.key
        for place, volume in job.volumes.items()
    }
    borrowed = {
        place: fillers[volume]
        for place, volume in process.volumes.items()
        if process.health and volume in fillers
    }
    return replace(process, borrowed=borrowed)


def _service(
    name: str,
    inputs: Mapping[str, Any],
    images: Mapping[str, tuple[str, str]],
    folders: Mapping[str, Mapping[str, str]],
) -> Process:
    resource, reference = images[inputs["image"]]
    mounts = list(inputs.get("mounts", ()))
    tests = inputs.get("healthcheck", {}).get("tests", ["NONE"])
    return Process(
        name=name,
        image=reference,
        key=image_key(resource),
        command=(*inputs.get("entrypoints", ()), *inputs.get("command", ())),
        user=inputs.get("user", ""),
        health=tuple(tests[1:]) if tests[0] == "CMD" else ("/bin/sh", "-c", *tests[1:]),
        environment=dict(pair.split("=", 1) for pair in inputs.get("envs", ())),
        **_given(mounts, tuple(inputs.get("tmpfs", {})), folders),
    )


def _job(
    name: str,
    words: list[str],
    images: Mapping[str, tuple[str, str]],
    folders: Mapping[str, Mapping[str, str]],
) -> Process:
    flags: dict[str, list[str]] = {}
    position = 0
    while words[position].startswith("--"):
        flag, _, value = words[position].partition("=")
        flags.setdefault(flag, []).append(value)
        position += 1
    image, *arguments = words[position:]
    if image not in images:
        raise ValueError(f"{name}: which image `docker run` starts cannot be read: {shlex.join(words)}")
    resource, reference = images[image]
    mounts = [dict(part.partition("=")[::2] for part in m.split(",")) for m in flags.get("--mount", ())]
    return Process(
        name=name,
        image=reference,
        key=image_key(resource),
        command=(*flags.get("--entrypoint", ()), *arguments),
        user=flags.get("--user", [""])[0],
        environment=dict(pair.split("=", 1) for pair in flags.get("--env", ())),
        **_given(
            mounts,
            tuple(tmpfs.partition(":")[0] for tmpfs in flags.get("--tmpfs", ())),
            folders,
        ),
    )


def image_key(resource: str) -> str:
    """The image's name in the stack file: `temporal_ui` of the resource `image-temporal-ui`."""
    return resource.partition("-")[2].replace("-", "_")


def _given(
    mounts: list[dict[str, str]], tmpfs: tuple[str, ...], folders: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    files: dict[str, str] = {}
    places = list(tmpfs)
    for mount in mounts:
        target = mount["target"]
        folder = mount["source"].removesuffix(target)
        if folder in folders:
            files |= {path: text for path, text in folders[folder].items() if path.startswith(f"{target}/")}
        else:
            places.append(target)
    volumes = {mount["target"]: mount["source"] for mount in mounts if mount["type"] == "volume"}
    return {"files": files, "places": tuple(places), "volumes": volumes}


def _folders(recorded: Recorded) -> dict[str, dict[str, str]]:
    """By folder on the host, the files that a command writes there: path in the container to content."""
    found = {}
    for registration in commands(recorded).values():
        if "unpack <<'FILES'" in str(registration.inputs.get("stdin", "")):
            words = shlex.split(registration.inputs["create"])
            folder = words[words.index("--") + 1]
            found[folder] = files(registration)
    return found


def _docker_calls(script: str) -> Iterator[list[str]]:
    """The arguments of each `docker run` and `docker exec` in a command on the host.

    The script's own arguments are those that it sets itself, less those that it shifts away.
    """
    if "docker" not in script:
        return
    parsed = parse(script, "posix")
    arguments: tuple[Word, ...] = ()
    for words in parsed.commands:
        known = [word.text for word in words]
        if known[:2] == ["set", "--"]:
            arguments = words[2:]
        elif known == ["shift"]:
            arguments = arguments[1:]
    for words in parsed.commands:
        # A word that is known at run time only is an option with the container's name.
        texts = [
            word.text if word.text is not None else "--known-at-run-time"
            for word in expanded(words, arguments)
        ]
        while texts and texts[0] in ("exec", "sudo"):
            texts = texts[1:]
        if texts[:2] in (["docker", "run"], ["docker", "exec"]):
            yield texts[1:]
