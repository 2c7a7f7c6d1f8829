"""What an image holds and how it is meant to be run, as far as this program relies on it: `contracts/*.yaml`.

A contract is read from the image's own sources, which it names, and held three ways: against what the program
declares (`rehearsal.images.compliance`), against the stand-ins that are built here, and against the originals
wherever a registry answers (`make verify-images`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

FOLDER = Path(__file__).parent / "contracts"
APPLICATION = "application"
"""The contract of `images.api`, `worker` and `web`: not what they hold, but what is asked of them."""


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Names of files in one folder; in YAML one text with spaces between."""
Absolute = Annotated[str, Field(pattern=r"^/")]
Numbers = Annotated[str, Field(pattern=r"^\d+:\d+$")]
"""`uid:gid`."""
Dialect = Literal["posix", "ash", "dash", "bash"]
"""What a shell understands; `posix` where any of them may be there."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(_Part):
    """A path that is there; owner (`uid:gid`) and mode (octal) only where something depends on them."""

    owner: Numbers | None = None
    mode: Annotated[str, Field(pattern=r"^[0-7]{4}$")] | None = None


class Tells(_Part):
    """The command that tells the version, and a pattern that its output holds.

    `{number}` in it stands for the number in the tag, so that a tag and what is in it cannot disagree.
    """

    command: tuple[str, ...]
    prints: str


class Contract(_Part):
    """One image, or a base that several share; what a base says holds for what is built on it, too."""

    image: str = ""
    """The repository, as the stack files name it; empty for a base and for the application."""
    version: str = ""
    """The tag that was read."""
    release: str = ""
    """Of a base: the version of the distribution."""
    base: str = ""
    """Its base, a file in `bases`; `../<name>` for an image that is built on another's."""

    # What can be run
    shells: dict[Absolute, Dialect] = {}
    programs: dict[Absolute, Names] = {}
    """By folder: what is there, and may be called."""
    besides: dict[Absolute, Names] = {}
    """By folder: what may be there, and must not be called."""
    applets_of: Absolute | None = None
    """The BusyBox that most programs are links to; its applets take few of GNU's long options."""
    links: dict[Absolute, Absolute] = {}
    """Folders that are links to others: `/bin` to `/usr/bin`."""

    # As whom
    users: dict[str, Numbers] = {}
    """Names in /etc/passwd."""
    user: str = ""
    """The name, or the number of one in `users`, that the image starts as; empty for root."""
    runs_as: Literal["any"] | tuple[Numbers, ...] = "any"
    """The numbers that it works as."""

    # How it is started and ended
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: Absolute = "/"
    stop_signal: str = "SIGTERM"
    volumes: tuple[Absolute, ...] = ()
    ports: tuple[int, ...] = ()

    # What it is told
    environment: dict[str, str] = {}
    """What the image sets itself; `{number}` as in `Tells`."""
    settings: dict[str, str] = {}
    """Variables that it understands, each with a pattern that the whole value matches."""
    closed: bool = False
    """Whether `settings` are all: another one would be without effect."""

    paths: dict[Absolute, Place] = {}
    tells: Tells | None = None
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    """Where all of this was read."""

    @property
    def number(self) -> str:
        """The number in the tag: `3.6.25` of `v3.6.25`."""
        found = re.search(r"\d+(\.\d+)*", self.version)
        return found[0] if found else ""

    @property
    def user_numbers(self) -> str:
        """The user that it starts as, as `uid:gid`."""
        if self.user.isdigit():
            return next(numbers for numbers in self.users.values() if numbers.startswith(f"{self.user}:"))
        return self.users[self.user] if self.user else "0:0"

    @property
    def variables(self) -> dict[str, str]:
        """The environment that it sets, with the version in it."""
        return {name: value.replace("{number}", self.number) for name, value in self.environment.items()}

    @property
    def version_pattern(self) -> re.Pattern[str] | None:
        """What the output of the version command holds; None where there is no such command."""
        if self.tells is None:
            return None
        return re.compile(self.tells.prints.replace("{number}", re.escape(self.number)))

    def callable_files(self) -> frozenset[str]:
        """The absolute path of every program that may be called."""
        return frozenset(_files(self.programs))

    def allowed_files(self) -> frozenset[str]:
        """The absolute path of every program that may be there."""
        return self.callable_files() | frozenset(_files(self.besides))

    def real(self, path: str) -> str:
        """`path` without the links that its folders are."""
        for link, target in self.links.items():
            if path == link or path.startswith(f"{link}/"):
                return target + path.removeprefix(link)
        return path

    def find(self, program: str) -> str | None:
        """The absolute path of a program, looked up as the kernel and a shell do; None if it is not there."""
        if "/" in program:
            folder = "" if program.startswith("/") else self.workdir.rstrip("/") + "/"
            candidates = [folder + program.removeprefix("./")]
        else:
            candidates = [f"{folder}/{program}" for folder in self.environment.get("PATH", "").split(":")]
        there = self.callable_files()
        return next((real for real in map(self.real, candidates) if real in there), None)

    def shell(self, program: str) -> Dialect | None:
        """What the shell of that name or path understands; None if it is none."""
        path = self.find(program)
        return self.shells.get(path) if path else None

    def is_applet(self, path: str) -> bool:
        """Whether the program at that path is one of BusyBox'."""
        return self.applets_of is not None and path in _base_files(self.base)

    def holds(self, path: str) -> bool:
        """Whether a path is there: one that is named, or a folder above one."""
        real = self.real(path.rstrip("/") or "/")
        return real == "/" or any(
            known == real or known.startswith(f"{real}/") for known in {*self.paths, *self.callable_files()}
        )


def _files(by_folder: dict[str, tuple[str, ...]]) -> Iterator[str]:
    for folder, names in by_folder.items():
        yield from (f"{folder.rstrip('/')}/{name}" for name in names)


@cache
def _base_files(base: str) -> frozenset[str]:
    return load(f"bases/{base}").callable_files() if base else frozenset()


@cache
def load(name: str) -> Contract:
    """The contract `contracts/<name>.yaml`, with what its base says in it.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is not as a contract is; the text names the file and each field.
    """
    path = FOLDER / f"{name}.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        own = Contract.model_validate(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not own.base:
        return own
    return _joined(load(f"bases/{own.base}"), own)


def names() -> list[str]:
    """The names of all contracts of images, in order; bases are none."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def _joined(base: Contract, own: Contract) -> Contract:
    said = {name: getattr(own, name) for name in own.model_fields_set}
    joined: dict[str, Any] = base.model_dump() | own.model_dump(include=own.model_fields_set)
    for name in ("shells", "links", "users", "environment", "settings", "paths"):
        joined[name] = getattr(base, name) | said.get(name, {})
    for name in ("programs", "besides"):
        ours, theirs = said.get(name, {}), getattr(base, name)
        joined[name] = {folder: (*theirs.get(folder, ()), *ours.get(folder, ())) for folder in theirs | ours}
    joined["image"] = own.image
    joined["sources"] = (*own.sources, *base.sources)
    return Contract.model_validate(joined)
