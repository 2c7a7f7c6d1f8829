"""What the official provider refuses in a container's inputs before anything is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rehearsal.plugins.docker import durations
from rehearsal.plugins.provider import CheckFailure, Values, call, has_unknown

Rule = Callable[[Any], Iterator[tuple[str, str]]]
"""Says at which part of a value what is wrong with it."""


def mistakes(inputs: Values) -> list[CheckFailure]:
    """What is wrong with the inputs that are known, in the official plugin's words."""
    found = []
    for name, rule in _RULES.items():
        if name in inputs and not has_unknown(inputs[name]):
            for part, problem in rule(inputs[name]):
                where = f"{call().name}.{name}{part}"
                found.append(CheckFailure("", f"{problem}. {problem}. Examine values at '{where}'."))
    return found


def _pattern(pattern: str) -> Rule:
    def check(value: Any) -> Iterator[tuple[str, str]]:
        if not re.search(pattern, str(value)):
            yield "", f"'{value}' doesn't match the pattern '{pattern}'"

    return check


def _at_least(lowest: int) -> Rule:
    def check(value: Any) -> Iterator[tuple[str, str]]:
        if value < lowest:
            yield "", f"'{value}' cannot be lower than {lowest}"

    return check


def _each(part: str, rule: Rule) -> Rule:
    def check(value: Any) -> Iterator[tuple[str, str]]:
        for index, item in enumerate(value):
            if item.get(part) is not None:
                yield from ((f"[{index}].{part}{inner}", problem) for inner, problem in rule(item[part]))

    return check


def _healthcheck(value: Any) -> Iterator[tuple[str, str]]:
    for part in ("interval", "timeout", "startPeriod", "startInterval"):
        try:
            durations.nanoseconds(str(value.get(part, "0s")))
        except ValueError as error:
            yield f".{part}", str(error)
    yield from ((f".retries{inner}", problem) for inner, problem in _at_least(0)(value.get("retries", 0)))


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
