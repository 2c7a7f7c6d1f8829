"""The pages as the interface of VictoriaMetrics reads them (`-vmui.customDashboardsPath`)."""

from collections.abc import Sequence
from typing import Any

from components.monitoring.pages.page import Limits, Page, Panel, compact


def files(pages: Sequence[Page]) -> dict[str, str]:
    """Name to content. It shows them as tabs, by the order of their files' names, and the first at once.

    https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.151.0/app/vmselect/vmui.go
    """
    return {f"{number}-{page.name}.json": compact(dashboard(page)) for number, page in enumerate(pages, 1)}


def dashboard(page: Page) -> dict[str, Any]:
    """One of them."""
    return {
        "title": page.title,
        "rows": [
            {
                "title": row.title,
                "panels": [_panel(panel, width) for line in row.lines for panel, width in line],
            }
            for row in page.rows
        ],
    }


def _panel(panel: Panel, width: int) -> dict[str, Any]:
    said = {"description": _about(panel), "unit": panel.unit.shown}
    return {
        "title": panel.title,
        **{key: text for key, text in said.items() if text},
        "expr": [query.expr for query in panel.queries],
        # The labels of a series in its text: `{{name}}`, app/vmui/packages/vmui/src/utils/metric.ts
        "alias": [query.legend for query in panel.queries],
        "showLegend": True,  # left out it is null, which is no legend
        "width": width,
    }


def _about(panel: Panel) -> str:
    """It draws no limits, so they are told."""
    limits = _limits(panel.limits, panel.unit.shown) if panel.limits else ""
    return " ".join(filter(None, (panel.about, limits)))


def _limits(limits: Limits, unit: str) -> str:
    side = "below" if limits.below else "from"
    return f"Bad {side} {limits.bad:g}{f' {unit}' if unit else ''}{'' if limits.below else ' on'}."
