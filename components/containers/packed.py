"""What a command is given on its stdin, packed: the state has it twice, and is written with each step."""

import base64
import bz2
from pathlib import Path

UNPACKED = (Path(__file__).parent / "unpacked.sh").read_text(encoding="utf-8")
"""The function of a shell that has it again: `unpacked` of stdin."""


def pack(data: bytes) -> str:
    """Lines of base64, the same ones for the same bytes wherever the program runs.

    By bzip2, of which there is one implementation: that of gzip is zlib or, as in Fedora, zlib-ng, and what
    one of them packs is a change to who has the other.
    """
    return base64.encodebytes(bz2.compress(data)).decode()
