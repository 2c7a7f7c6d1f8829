"""What the engine writes in place of values in its events and its state, and how it is shown to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine puts where a value is known only after the change."""
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key by which the engine marks an object as one of its own, here a secret, blinded or encrypted."""
DEFAULTS = "__defaults"
"""The key under which a bridged provider notes, at any depth of the inputs, what it has filled in."""
SECRET = "[secret]"  # noqa: S105  what the engine writes in place of one
LATER = "known after the change"


def shown(value: Any) -> Any:
    """`value` with `SECRET` and `LATER` in place of the engine's marks, without `DEFAULTS`, at any depth."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return SECRET
        return {key: shown(item) for key, item in value.items() if key != DEFAULTS}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value.replace(UNKNOWN, LATER) if isinstance(value, str) else value
