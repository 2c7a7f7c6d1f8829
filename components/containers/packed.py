"""What a command is given on its stdin, packed: the state has it twice, and is written with each step."""

import base64
import bz2
from pathlib import Path

UNPACKED = (Path(__file__).parent / "unpacked.sh").read_text(encoding="utf-8")
"""The functions of a shell that have it again: `unpacked` of stdin, and `extract`."""


def given(script: str, function: str, word: str, data: bytes) -> str:
    """`script`, and at its end a call of its `function` with `data` packed, up to `word`, on stdin."""
    return f"{UNPACKED}\n{script}\n{function} <<'{word}'\n{pack(data)}{word}\n"


def pack(data: bytes) -> str:
    """Lines of base64, the same ones for the same bytes wherever the program runs.

    By bzip2, of which there is one implementation: that of gzip is zlib or, as in Fedora, zlib-ng, and what
    one of them packs is a change to who has the other.
    """
    return base64.encodebytes(bz2.compress(data)).decode()
