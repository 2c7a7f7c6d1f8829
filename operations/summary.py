"""The closing table of a run: resources by kind, outputs, seconds per step, memory and cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operations.marks import SECRET, shown

MASK = "••••••••"
# Shown in rows of their own.
_APART = ("memory_budget", "cost_per_month", "containers", "last_good", "releases", "canary", "rotated")


@dataclass(frozen=True)
class Timing:
    """How long a step took, and what it changed."""

    step: str
    seconds: float
    changes: int


def table(
    stack: str,
    resources: Sequence[Mapping[str, Any]],
    timings: Sequence[Timing],
) -> str:
    """The table as text, of the resources in the state.

    Secret outputs are masked; `pulumi stack output --show-secrets` has them.
    """
    given = outputs(resources)
    sections = [
        ("resources", [f"{count:>4}  {kind}" for kind, count in by_kind(resources)]),
        ("outputs", _outputs(given)),
        ("memory", _memory(_plain(given, "memory_budget"))),
        ("cost", _cost(_plain(given, "cost_per_month"))),
        ("steps", [f"{t.seconds:7.1f} s  {t.step:<12} {_changed(t.changes)}" for t in timings]),
    ]
    width = max(len(name) for name, _ in sections)
    lines = [f"── {stack} {'─' * 60}"]
    for name, rows in sections:
        for index, row in enumerate(rows):
            lines.append(f"{name if index == 0 else '':<{width}}  {row}".rstrip())
    return "\n".join([*lines, "─" * len(lines[0])])


def by_kind(resources: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """How many resources a provider made of each type, by provider; components and providers do not count."""
    counted = Counter(
        f"{resource['type'].split(':')[0]} {resource['type'].split(':')[-1]}"
        for resource in resources
        if resource.get("custom") and not resource["type"].startswith("pulumi:")
    )
    return sorted(counted.items())


def outputs(resources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The stack's outputs, as its state has them, with `[secret]` in place of each secret."""
    of_the_stack = (resource for resource in resources if resource["type"] == "pulumi:pulumi:Stack")
    found: dict[str, Any] = shown(next(of_the_stack, {}).get("outputs") or {})
    return found


def _outputs(given: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, value in sorted(given.items()):
        if name in _APART:
            continue
        if value == SECRET:
            rows.append(f"{name}: {MASK}")
        elif isinstance(value, Mapping):
            rows += [f"{name}.{key}: {part}" for key, part in sorted(value.items())]
        elif value not in (None, "", []):
            rows.append(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
    return rows


def _plain(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name)
    return value if isinstance(value, Mapping) else {}


def _memory(budget: Mapping[str, Any]) -> list[str]:
    limit, server = budget.get("limit_mb"), budget.get("server_mb")
    if not limit:
        return []
    if not server:
        return [f"{limit:.0f} MB of limits"]
    return [f"{limit:.0f} MB of limits on {server:.0f} MB ({100 * limit / server:.0f} %)"]


def _cost(cost: Mapping[str, Any]) -> list[str]:
    if cost.get("eur") is None:
        return []
    items = cost.get("items") or {}
    parts = items.items() if isinstance(items, Mapping) else []
    detail = ", ".join(f"{name} {price:.2f}" for name, price in parts if isinstance(price, int | float))
    return [f"{cost['eur']:.2f} € a month{f' ({detail})' if detail else ''}"]


def _changed(changes: int) -> str:
    return "no changes" if changes == 0 else f"{changes} change{'' if changes == 1 else 's'}"
