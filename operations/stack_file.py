"""The images that a stack file names, read and written: line by line, so that its comments stay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from operations.deployment import PROJECT

SECTION = f"{PROJECT}:images"
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
    left = dict(wanted)
    for number in _lines(lines):
        if (entry := _ENTRY.match(lines[number])) and (name := entry[2].strip("\"'")) in left:
            lines[number] = f"{entry[1]}{entry[2]}{entry[3]}{left.pop(name)}{entry[5]}"
    changed = "\n".join(lines)
    if left or _section(file.name, changed) != expected:
        raise Unwritable(
            f"{file.name}: {SECTION}: {', '.join(sorted(left or wanted))} cannot be written there; give each "
            "image a line of its own below it, such as `    api: <repository>:<version>@sha256:<digest>`"
        )
    unfinished = file.with_suffix(".new")
    unfinished.write_text(changed, encoding="utf-8")
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


def _lines(lines: list[str]) -> list[int]:
    """Where the section's entries may be: what follows its name and is indented deeper."""
    start = next(
        (n for n, line in enumerate(lines) if re.match(rf"""^\s+["']?{SECTION}["']?:\s*(#.*)?$""", line)),
        None,
    )
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
