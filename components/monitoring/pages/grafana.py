"""The pages as Grafana reads them, and what it needs beside them: where its data are, where its files are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.monitoring.pages.page import COLUMNS, Limits, Page, Panel, Query, compact

SCHEMA_VERSION = 42
"""Of the JSON: that of Grafana 12.

https://github.com/grafana/grafana/blob/v12.4.12/apps/dashboard/kinds/dashboard.cue
"""
GRID = 24
"""Columns of Grafana's own."""
ROW_HEIGHT, PANEL_HEIGHT, NOW_HEIGHT = 1, 8, 4
SOURCE = "metrics"
"""The uid of the store of metrics."""
TAG = "jira-plus-plus"
"""On each page: by it they are listed in the others' links."""
CHART = {
    "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
"""The options of a chart; those of a number are Grafana's own."""
GREEN, YELLOW, RED = "green", "orange", "red"


def files(pages: Sequence[Page]) -> dict[str, str]:
    """Name to content, one a page."""
    return {f"{page.name}.json": compact(dashboard(page)) for page in pages}


def dashboard(page: Page) -> dict[str, Any]:
    """One of them. Its rows are headings; their panels follow them.

    https://grafana.com/docs/grafana/v12.4/visualizations/dashboards/build-dashboards/view-dashboard-json-model/
    """
    return {
        "uid": page.name,
        "title": page.title,
        "description": page.about,
        "tags": [TAG],
        "timezone": "utc",
        "editable": False,
        "graphTooltip": 1,  # the crosshair is on all panels of the page
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "panels": list(_panels(page)),
        "templating": {"list": []},
        "annotations": {"list": [_releases()]},
        "links": [_others()],
    }


def datasource(url: str, interval_seconds: int) -> str:
    """Where the metrics are: a store that speaks Prometheus, asked by the server and not by browsers. YAML.

    https://grafana.com/docs/grafana/v12.4/administration/provisioning/#data-sources
    """
    source = {
        "name": "Metrics",
        "uid": SOURCE,
        "type": "prometheus",
        "access": "proxy",
        "url": url,
        "isDefault": True,
        "editable": False,
        "jsonData": {
            # The shortest step between two points: less would ask for what was never measured.
            "timeInterval": f"{interval_seconds}s",
            "httpMethod": "POST",
            "manageAlerts": False,
        },
    }
    return compact({"apiVersion": 1, "prune": True, "datasources": [source]})


def provider(folder: str) -> str:
    """Where the pages' files are: a page that is no file any more is none, and none is changed by hand. YAML.

    https://grafana.com/docs/grafana/v12.4/administration/provisioning/#dashboards
    """
    one = {
        "name": TAG,
        "orgId": 1,
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 3600,  # another page is another container
        "options": {"path": folder},
    }
    return compact({"apiVersion": 1, "providers": [one]})


def _panels(page: Page) -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for row in page.rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"h": ROW_HEIGHT, "w": GRID, "x": 0, "y": y},
            "panels": [],
        }
        y += ROW_HEIGHT
        for line in row.lines:
            x = 0
            height = NOW_HEIGHT if all(panel.now for panel, _ in line) else PANEL_HEIGHT
            for panel, columns in line:
                number += 1
                width = columns * GRID // COLUMNS
                yield _panel(number, panel, {"h": height, "w": width, "x": x, "y": y})
                x += width
            y += height


def _panel(number: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "stat" if panel.now else "timeseries",
        "title": panel.title,
        **({"description": panel.about} if panel.about else {}),
        "datasource": _source(),
        "gridPos": dict(place),
        "targets": [_target(letter, query) for letter, query in zip("ABCDEFGH", panel.queries, strict=False)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        **({} if panel.now else {"options": CHART}),
    }


def _source() -> dict[str, str]:
    return {"type": "prometheus", "uid": SOURCE}


def _target(letter: str, query: Query) -> dict[str, Any]:
    return {
        "refId": letter,
        "datasource": _source(),
        "editorMode": "code",  # the other would have to understand MetricsQL
        "expr": query.expr,
        "legendFormat": query.legend,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    """How a series looks."""
    lines = {
        "axisSoftMin": 0,
        "fillOpacity": 8,
        "showPoints": "never",
        "thresholdsStyle": {"mode": "dashed" if panel.limits else "off"},
    }
    return {
        "unit": panel.unit.grafana,
        "color": {"mode": "thresholds" if panel.now else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps(panel.limits)},
        **({} if panel.now else {"custom": lines}),
    }


def steps(limits: Limits | None) -> list[dict[str, Any]]:
    """From where on it has which colour; the first step has no beginning."""
    if limits is None:
        return [{"value": None, "color": GREEN}]
    warn = [] if limits.warn is None else [limits.warn]
    if limits.below:
        rising = [None, limits.bad, *warn]
        colours = [RED, *([YELLOW] if warn else []), GREEN]
    else:
        rising = [None, *warn, limits.bad]
        colours = [GREEN, *([YELLOW] if warn else []), RED]
    return [{"value": value, "color": colour} for value, colour in zip(rising, colours, strict=True)]


def _releases() -> dict[str, Any]:
    """A mark on each chart at the moment of a release."""
    return {
        "name": "Releases",
        "enable": True,
        "iconColor": "blue",
        "datasource": _source(),
        "expr": "changes_prometheus(jira_release_good_timestamp_seconds[1m]) > 0",
        "step": "60s",
        "titleFormat": "Release",
    }


def _others() -> dict[str, Any]:
    """The links to the other pages, with the same time."""
    return {
        "title": "Pages",
        "type": "dashboards",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
