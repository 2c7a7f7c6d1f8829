"""The change of the monthly cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operations.meaning.plan import Plan


def cost(plan: Plan) -> list[str]:
    """One sentence, in EUR without VAT, of the output `cost_per_month`; none where nothing is billed."""
    before, after = _items(plan.before), _items(plan.after)
    if not after:
        return []
    old, new = sum(before.values()), sum(after.values())
    total = f"{new:.2f} € a month"
    if not before:
        return [total]
    if before == after:
        return [f"{total}, as before"]
    parts = [
        f"{name} {before.get(name, 0):.2f} → {after.get(name, 0):.2f}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name, 0) != after.get(name, 0)
    ]
    return [f"{total}, {new - old:+.2f} € ({', '.join(parts)})"]


def _items(outputs: Mapping[str, Any]) -> dict[str, float]:
    given = outputs.get("cost_per_month")
    items = given.get("items") if isinstance(given, Mapping) else None
    if not isinstance(items, Mapping):
        return {}
    return {name: float(price) for name, price in items.items() if isinstance(price, int | float)}
