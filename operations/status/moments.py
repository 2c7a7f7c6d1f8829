"""Moments as Docker, our own files and a person write them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(written: str) -> datetime:
    """Of `2026-11-28T02:03:04.123456789Z`, as Docker writes it, or `2026-11-28T020304Z-scheduled`, as our
    dumps are named.

    Raises:
        ValueError: it is neither.
    """
    plain = written[:20].replace(":", "").replace(".", "Z")
    return datetime.strptime(plain[:18], "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)


def of_epoch(seconds: float) -> datetime:
    """In UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def age(seconds: float) -> str:
    """In words of which two units say enough: `3 min`, `5 h`, `2 d`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length * (2 if unit == "d" else 1):
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
