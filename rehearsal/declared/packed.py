"""What the commands of a text have packed: a search through the text alone would not see it."""

from __future__ import annotations

import base64
import bz2
import io
import re
import tarfile

from rehearsal.declared.recording import Registration

_PACKED = re.compile(r"QlpoOT(?:[A-Za-z0-9+/]|\\+n|\n)+={0,2}")
"""What begins as bzip2 does, in base64, in lines that are JSON's or their own, and the word after it."""


def unpacked(text: str) -> list[bytes]:
    """What was packed, of each that is in the text (components/containers/packed.py)."""
    found = (re.sub(r"\\+n|\n", "", one) for one in _PACKED.findall(text))
    return [bz2.decompress(base64.b64decode(one[: len(one) // 4 * 4])) for one in found]


def readings(text: str) -> list[str]:
    """The text as it is, without the ends of its lines, on which base64 is broken, and what it has packed."""
    joined = text.replace("\\n", "").replace("\n", "")
    return [text, joined, *(one.decode(errors="replace") for one in unpacked(text))]


def files(command: Registration) -> dict[str, str]:
    """The files that a command of `Files` carries, by path."""
    (archive,) = unpacked(command.inputs["stdin"])
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {f"/{m.name}": tar.extractfile(m).read().decode() for m in tar}  # type: ignore[union-attr]
