"""Shapes and clocks that every part shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]
"""One JSON object: a server, a DNS record, a request's body."""


def now() -> str:
    """The time as Hetzner writes it: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def now_micro() -> str:
    """The time as Cloudflare writes it: ISO 8601, UTC, microseconds, Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
