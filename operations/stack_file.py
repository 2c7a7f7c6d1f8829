"""What commands write into a stack file, so that its comments stay: images, the canary, rotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from operations.deployment import PROJECT

SECTION = f"{PROJECT}:images"
RELEASE = f"{PROJECT}:release"
ROTATIONS = f"{PROJECT}:rotations"
_ENTRY = re.compile(r"""^(\s*)([a-z_]+|"[a-z_]+"|'[a-z_]+')(\s*:\s+)("[^"]*"|'[^']*'|\S+)(\s*|\s+#.*)$""")


class Unwritable(Exception):
    """The file has not the form in which it can be changed line by line; the message names file and line."""


def section(file: Path, name: str) -> Mapping[str, Any]:
    """A section of the program's settings, as it is written; empty: there is none."""
    written = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    found = (written.get("config") or {}).get(f"{PROJECT}:{name}")
    return found if isinstance(found, dict) else {}


def images(file: Path) -> dict[str, str]:
    """The section `images`, as it is written.

    Raises:
        Unwritable: there is none, or it is no mapping.
    """
    return images_in(file.name, file.read_text(encoding="utf-8"))


def images_in(name: str, text: str) -> dict[str, str]:
    """The same of the text of a file of that name, as a commit has it.

    Raises:
        Unwritable: there is none, or it is no mapping.
    """
    return {str(image): str(reference) for image, reference in _section(name, text).items()}


def write_images(file: Path, wanted: Mapping[str, str]) -> None:
    """Writes these references in place of those that are there; nothing else of the file changes.

    Raises:
        Unwritable: an image has no line of its own in the section. The file is as it was.
    """
    text = file.read_text(encoding="utf-8")
    expected = {**_section(file.name, text), **wanted}
    lines = text.split("\n")
    left = _replaced(lines, SECTION, wanted)
    changed = "\n".join(lines)
    if left or _section(file.name, changed) != expected:
        raise Unwritable(
            f"{file.name}: {SECTION}: {', '.join(sorted(left or wanted))} cannot be written there; give each "
            "image a line of its own below it, such as `    api: <repository>:<version>@sha256:<digest>`"
        )
    _write(file, changed)


def canary(file: Path) -> Mapping[str, Any]:
    """`release.canary`, as it is written; empty: there is none."""
    found = section(file, "release").get("canary")
    return found if isinstance(found, dict) else {}


def write_canary(file: Path, wanted: Mapping[str, Any]) -> None:
    """Writes `release.canary`, in one line, or takes it away (empty); nothing else of the file changes.

    Raises:
        Unwritable: the section has not one key a line. The file is as it was.
    """
    text = file.read_text(encoding="utf-8")
    expected = yaml.safe_load(text)
    release = {name: value for name, value in section(file, "release").items() if name != "canary"}
    if wanted:
        release["canary"] = dict(wanted)
    expected["config"].pop(RELEASE, None)
    if release:
        expected["config"][RELEASE] = release
    lines = text.split("\n")
    entry = [f"canary: {{image: {wanted['image']}, share: {wanted['share']}}}"] if wanted else []
    _place(lines, entry, keep=bool(release))
    changed = "\n".join(lines)
    if not _says(changed, expected):
        raise Unwritable(
            f"{file.name}: {RELEASE}: canary cannot be written there; give each key a line of its own below "
            "it, such as `    canary: {image: <repository>:<version>@sha256:<digest>, share: 5}`"
        )
    _write(file, changed)


def rotations(file: Path) -> dict[str, int]:
    """The section `rotations`, as it is written; what it has not is 0."""
    return {str(name): number for name, number in section(file, "rotations").items()}


def write_rotations(file: Path, wanted: Mapping[str, int]) -> None:
    """Writes these numbers, in place of those that are there or behind them; nothing else changes.

    Raises:
        Unwritable: the section has not one key a line. The file is as it was.
    """
    text = file.read_text(encoding="utf-8")
    expected = yaml.safe_load(text)
    expected["config"][ROTATIONS] = {**rotations(file), **wanted}
    lines = text.split("\n")
    left = _replaced(lines, ROTATIONS, wanted)
    start, own, images = _start(lines, ROTATIONS), _lines(lines, ROTATIONS), _start(lines, SECTION)
    if left and start is not None:
        at, depth = (own[-1], _depth(lines[own[0]])) if own else (start, _depth(lines[start]) + 2)
        lines[at + 1 : at + 1] = [f"{' ' * depth}{name}: {number}" for name, number in left.items()]
    elif left and images is not None and ROTATIONS not in yaml.safe_load(text)["config"]:
        at, depth = _lines(lines)[-1] + 1, _depth(lines[images])
        entries = [f"{' ' * (depth + 2)}{name}: {number}" for name, number in left.items()]
        lines[at:at] = [f"{' ' * depth}{ROTATIONS}: # what `make rotate` has raised", *entries]
    changed = "\n".join(lines)
    if not _says(changed, expected):
        raise Unwritable(
            f"{file.name}: {ROTATIONS}: {', '.join(sorted(wanted))} cannot be written there; give each "
            "secret a line of its own below it, such as `    jira: 1`"
        )
    _write(file, changed)


def _place(lines: list[str], entry: list[str], *, keep: bool) -> None:
    """Puts `entry` in the place of what the section `release` has of a canary; `keep` the section's name."""
    start, own = _start(lines, RELEASE), _lines(lines, RELEASE)
    if start is None:
        if entry and (images := _start(lines, SECTION)) is not None:  # behind them, among which it may move
            at, depth = _lines(lines)[-1] + 1, _depth(lines[images])
            lines[at:at] = [f"{' ' * depth}{RELEASE}:", f"{' ' * (depth + 2)}{entry[0]}"]
        return
    depth = _depth(lines[own[0]]) if own else _depth(lines[start]) + 2
    keys = [number for number in own if _depth(lines[number]) == depth]
    there = [n for n in keys if re.match(r"""\s*["']?canary["']?\s*:""", lines[n])]
    at = end = start + 1
    if there:
        at = there[0]
        end = max(number for number in own if not any(at < key <= number for key in keys)) + 1
    lines[at:end] = [f"{' ' * depth}{line}" for line in entry]
    if not keep:
        del lines[start]


def _replaced(lines: list[str], name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the values of a section's entries into their own lines; those that have none."""
    left = dict(wanted)
    for number in _lines(lines, name):
        if (entry := _ENTRY.match(lines[number])) and (key := entry[2].strip("\"'")) in left:
            lines[number] = f"{entry[1]}{entry[2]}{entry[3]}{left.pop(key)}{entry[5]}"
    return left


def _says(text: str, expected: Mapping[str, Any]) -> bool:
    """Whether that is the YAML of it."""
    try:
        return bool(yaml.safe_load(text) == expected)
    except yaml.YAMLError:
        return False


def _write(file: Path, text: str) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


def _section(name: str, text: str) -> dict[str, Any]:
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Unwritable(f"{name}: no valid YAML: {' '.join(str(error).split())}") from None
    config = written.get("config") if isinstance(written, dict) else None
    found = config.get(SECTION) if isinstance(config, dict) else None
    if not isinstance(found, dict):
        raise Unwritable(f"{name}: there is no section {SECTION}; add it, with api, worker and web")
    return found


def _start(lines: list[str], name: str) -> int | None:
    """The line of a section's name; None: it has none, or something is written behind it."""
    return next(
        (n for n, line in enumerate(lines) if re.match(rf"""^\s+["']?{name}["']?:\s*(#.*)?$""", line)),
        None,
    )


def _lines(lines: list[str], name: str = SECTION) -> list[int]:
    """Where the section's entries may be: what follows its name and is indented deeper."""
    start = _start(lines, name)
    if start is None:
        return []
    found, depth = [], _depth(lines[start])
    for number in range(start + 1, len(lines)):
        line = lines[number].strip()
        if line and not line.startswith("#"):
            if _depth(lines[number]) <= depth:
                break
            found.append(number)
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
