"""The overview: its form, and what it asks for. Its queries are run in tests/live/stacks."""

import json
import re
from pathlib import Path

import pytest

from components.monitoring.dashboards import COLUMNS, rows
from rehearsal.declared.platform import commands, containers, declared
from tests.components.services.test_secrets import files

OVERVIEW = "/etc/jira-dashboards/overview.json"
MONITORING = Path(__file__).parents[3] / "components" / "monitoring"
SCRIPTS = [MONITORING / name for name in ("host-metrics.sh", "ship_logs.py")]


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_the_store_finds_the_overview_where_it_looks(stack: str) -> None:
    page = json.loads(files(commands(declared(stack))["metrics-files"])[OVERVIEW])
    assert page["title"] == "Overview"
    assert (
        "-vmui.customDashboardsPath=/etc/jira-dashboards"
        in containers(declared(stack))["metrics"].inputs["entrypoints"]
    )
    # https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.151.0/app/vmselect/vmui.go, panelSettings
    for row in page["rows"]:
        assert row["title"]
        for panel in row["panels"]:
            assert set(panel) == {"title", "description", "unit", "expr", "width"}
            assert panel["title"]
            assert panel["expr"]


def test_drills_are_shown_where_there_are_any() -> None:
    titles = [
        [
            row["title"]
            for row in json.loads(files(commands(declared(stack))["metrics-files"])[OVERVIEW])["rows"]
        ]
        for stack in ("uat", "prod")
    ]
    assert ("Drills" in titles[0], "Drills" in titles[1]) == (False, True)


def test_every_row_is_filled() -> None:
    for row in rows(drills=True, logs=True):
        assert sum(panel.width for panel in row.panels) % COLUMNS == 0, row.title


def test_what_it_asks_of_the_machine_the_machine_tells() -> None:
    told = "".join(script.read_text() for script in SCRIPTS)
    for row in rows(drills=True, logs=True):
        for panel in row.panels:
            for name in re.findall(r"\bjira_[a-z_]+", " ".join(panel.queries)):
                made = (
                    re.sub(r"_(good|finished)_timestamp", "_${name}_timestamp", name)
                    if "drill" in name
                    else name
                )
                made = re.sub(r"_(rto|rpo)_", "_${name}_", made)
                assert made in told, name
