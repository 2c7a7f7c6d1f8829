"""Durations as Go reads and writes them (`time.ParseDuration`, `Duration.String`), in nanoseconds."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def nanoseconds(text: str) -> int:
    """`1m30s` as nanoseconds. Raises `ValueError`, with the value and what it should look like."""
    if text == "0":
        return 0
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a valid duration: write it like 10s, 500ms or 1m30s")
    return int(sum(Decimal(number) * _UNITS[unit] for number, unit in parts))


def text(amount: int) -> str:
    """Nanoseconds as Go prints them: `1m0s`, `500ms`, `1h0m0s`, `0s`."""
    if amount == 0:
        return "0s"
    if amount < _UNITS["s"]:
        unit = next(name for name in ("ms", "µs", "ns") if amount >= _UNITS[name])
        return f"{_decimal(Decimal(amount) / _UNITS[unit])}{unit}"
    minutes, rest = divmod(amount, _UNITS["m"])
    seconds = f"{_decimal(Decimal(rest) / _UNITS['s'])}s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(number: Decimal) -> str:
    written = f"{number:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
