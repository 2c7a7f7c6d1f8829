"""How long it takes to make what is made once for a machine: as measured here last, else elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from operations.cache import cache_folder

ELSEWHERE = "on 2 busy cores of a cloud server, Debian 12"
SECONDS: dict[str, float] = json.loads((Path(__file__).parent / "durations.json").read_text())
"""Wall time there, with other work beside; docs/bench.md says where each is from."""
UNKNOWN_SECONDS = 30.0


def expected(name: str) -> float:
    """The seconds that making `name` should take."""
    return _measured().get(name, SECONDS.get(name, UNKNOWN_SECONDS))


def remember(name: str, seconds: float) -> None:
    """Keeps what was measured here; two at once may lose one of both, which the next run measures again."""
    path = _file()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(_measured() | {name: round(seconds, 1)}, indent=1, sort_keys=True))
    unfinished.replace(path)


def announcement(names: Sequence[str]) -> str:
    """One line: what is to be made, and how long each took where it was made before."""
    told = ", ".join(f"{name} {shown(expected(name))}" for name in names)
    place = "here" if set(names) <= _measured().keys() else ELSEWHERE
    return f"to be made, once for this machine, side by side where it can be ({place}): {told}"


def shown(seconds: float) -> str:
    """`40 s`, `4 min`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def clock(seconds: float) -> str:
    """Minutes and seconds: `1:05`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _measured() -> dict[str, float]:
    try:
        return dict(json.loads(_file().read_text()))
    except (OSError, ValueError):
        return {}


def _file() -> Path:
    return cache_folder() / "durations.json"
