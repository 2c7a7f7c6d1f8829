"""What the official provider refuses in a container's inputs before anything is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.plugins.docker import durations
from rehearsal.plugins.provider import CheckFailure, Values, has_unknown

Rule = Callable[[Any], str | None]
"""Says what is wrong with a value, or nothing."""


def mistakes(inputs: Values) -> list[CheckFailure]:
    """What is wrong with the inputs that are known."""
    found = []
    for name, rule in _RULES.items():
        if name in inputs and not has_unknown(inputs[name]):
            problem = rule(inputs[name])
            if problem:
                found.append(CheckFailure(name, problem))
    return found


def _pattern(pattern: str) -> Rule:
    def check(value: Any) -> str | None:
        return None if re.search(pattern, str(value)) else f"{value!r} doesn't match the pattern '{pattern}'"

    return check


def _at_least(lowest: int) -> Rule:
    def check(value: Any) -> str | None:
        return f"'{value}' cannot be lower than {lowest}" if value < lowest else None

    return check


def _each(part: str, rule: Rule) -> Rule:
    def check(value: Any) -> str | None:
        problems = (rule(item[part]) for item in value if item.get(part) is not None)
        return next((problem for problem in problems if problem), None)

    return check


def _healthcheck(value: Any) -> str | None:
    for part in ("interval", "timeout", "startPeriod", "startInterval"):
        try:
            durations.nanoseconds(str(value.get(part, "0s")))
        except ValueError as error:
            return f"{part}: {error}"
    return _at_least(0)(value.get("retries", 0))


_RULES: Mapping[str, Rule] = {
    "restart": _pattern(r"^(no|on-failure|always|unless-stopped)$"),
    "cpuSet": _pattern(r"^\d+([,-]\d+)*$"),
    "mounts": _each("type", _pattern(r"^(bind|volume|tmpfs)$")),
    "uploads": _each("permissions", _pattern(r"^0[0-7]{3}$")),
    "volumes": _each("hostPath", _pattern(r"^([a-zA-Z]:\\|/)")),
    "healthcheck": _healthcheck,
    "memory": _at_least(0),
    "memoryReservation": _at_least(0),
    "memorySwap": _at_least(-1),
    "shmSize": _at_least(0),
    "cpuShares": _at_least(0),
    "cpuPeriod": _at_least(0),
    "cpuQuota": _at_least(0),
}
