"""The pages: their form for each that shows them, and what they ask, which tests/live/stacks runs."""

import json
import re
import urllib.error
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.pages import grafana, of_stack, pages, vmui
from components.monitoring.pages.page import COLUMNS, Limits, Page, There
from rehearsal.declared.packed import files
from rehearsal.declared.platform import commands, containers, declared
from rehearsal.declared.stacks import stack_settings
from tests.components.monitoring.chain import Chain

EXPECTED = Path(__file__).parent / "expected"
MONITORING = Path(__file__).parents[3] / "components" / "monitoring"
SCRIPTS = [MONITORING / name for name in ("host-metrics.sh", "ship_logs.py")]
NAMES = ["overview", "requests", "database", "workflows", "host", "backups", "release"]
LEAST = There(machine=False, tls=False, copies=False, archive=False, logs=False)
ALL = [*pages(There()), *pages(LEAST)]


def of_name(found: tuple[Page, ...], name: str) -> Page:
    return next(page for page in found if page.name == name)


def test_each_subject_has_its_page_and_the_first_says_whether_it_is_well() -> None:
    assert [page.name for page in pages(There())] == NAMES
    assert [page.name for page in pages(LEAST)] == NAMES[:5], "nothing is known of backups and releases"


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_the_store_finds_the_pages_where_it_looks_and_shows_the_overview_first(stack: str) -> None:
    given = files(commands(declared(stack))["metrics-files"])
    found = {path: text for path, text in given.items() if path.startswith("/etc/jira-dashboards/")}
    shown = [json.loads(found[path]) for path in sorted(found)]
    assert [page["title"] for page in shown] == [page.title for page in of_stack(stack_settings(stack))]
    assert shown[0]["title"] == "Overview"
    assert (
        "-vmui.customDashboardsPath=/etc/jira-dashboards"
        in containers(declared(stack))["metrics"].inputs["entrypoints"]
    )


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_the_interface_of_the_store_knows_every_field(page: Page) -> None:
    # https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.151.0/app/vmselect/vmui.go, panelSettings
    made = vmui.dashboard(page)
    assert set(made) == {"title", "rows"}
    for row in made["rows"]:
        assert set(row) == {"title", "panels"}
        assert row["title"]
        for panel in row["panels"]:
            assert {"title", "expr", "alias", "width"} <= set(panel)
            known = {"title", "description", "unit", "expr", "alias", "showLegend", "width"}
            assert set(panel) <= known
            assert all(panel["expr"])
            assert len(panel["expr"]) == len(panel["alias"])


def test_what_leaves_the_machine_is_shown_where_anything_does() -> None:
    rows = [
        [row.title for row in of_name(of_stack(stack_settings(stack)), "backups").rows]
        for stack in ("uat", "prod")
    ]
    assert rows == [["Dumps"], ["Dumps", "Off the machine", "Drills"]]


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_every_line_is_full_and_every_heading_has_something_below_it(page: Page) -> None:
    for row in page.rows:
        assert row.panels, row.title
        for line in row.lines:
            assert sum(width for _, width in line) == COLUMNS, row.title


@pytest.mark.parametrize("page", pages(There()), ids=lambda page: page.name)
def test_no_two_panels_of_a_page_have_one_title(page: Page) -> None:
    titles = [panel.title for panel in page.panels]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("page", pages(There()), ids=lambda page: page.name)
def test_what_it_asks_of_the_machine_the_machine_tells(page: Page) -> None:
    told = "".join(script.read_text() for script in SCRIPTS)
    for panel in page.panels:
        for name in re.findall(r"\bjira_[a-z_]+", " ".join(query.expr for query in panel.queries)):
            made = (
                re.sub(r"_(good|finished)_timestamp", "_${name}_timestamp", name) if "drill" in name else name
            )
            made = re.sub(r"_(rto|rpo)_", "_${name}_", made)
            assert made in told, name


@pytest.mark.parametrize("page", pages(There()), ids=lambda page: page.name)
def test_a_legend_names_labels_that_its_query_leaves(page: Page) -> None:
    for panel in page.panels:
        for query in panel.queries:
            labels = re.findall(r"\{\{(.*?)\}\}", query.legend)
            assert all(re.fullmatch(r"\w+", label) for label in labels), "vmui knows no spaces within"
            grouped = re.match(r"(?:topk\(8, )?(?:\()*(?:sum|max|count)(?: by \(([a-z_, ]+)\))", query.expr)
            if grouped:
                assert set(labels) <= set(grouped[1].split(", ")), f"{panel.title}: {query.expr}"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The real one, without anything in it."""
    chain = Chain(tmp_path_factory.mktemp("store"))
    try:
        chain.begin_store()
        yield chain
    finally:
        chain.end()


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_the_store_understands_every_query(store: Chain, page: Page) -> None:
    for panel in page.panels:
        for expr in (*(query.expr for query in panel.queries), *filter(None, (panel.after,))):
            asked = f"/api/v1/query?{urllib.parse.urlencode({'query': expr})}"
            try:
                answer = json.loads(store.ask("store", asked) or "{}")
            except urllib.error.HTTPError as error:
                raise AssertionError(f"{panel.title}: {expr}: {error.read().decode()}") from None
            assert answer["status"] == "success"


# ── for Grafana


def test_a_page_of_grafanas_word_by_word() -> None:
    made = grafana.dashboard(of_name(pages(There()), "backups"))
    assert made == json.loads((EXPECTED / "grafana-backups.json").read_text())


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_no_panel_covers_another_and_each_has_its_number(page: Page) -> None:
    panels: list[dict[str, Any]] = grafana.dashboard(page)["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= grafana.GRID
        taken |= cells
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_both_ask_the_same(page: Page) -> None:
    asked = [
        [target["expr"] for target in panel["targets"]]
        for panel in grafana.dashboard(page)["panels"]
        if panel["type"] != "row"
    ]
    assert asked == [panel["expr"] for row in vmui.dashboard(page)["rows"] for panel in row["panels"]]


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        (None, [(None, "green")]),
        (Limits(bad=1), [(None, "green"), (1, "red")]),
        (Limits(warn=1, bad=4), [(None, "green"), (1, "orange"), (4, "red")]),
        (Limits(bad=1, below=True), [(None, "red"), (1, "green")]),
        (Limits(warn=12, bad=6, below=True), [(None, "red"), (6, "orange"), (12, "green")]),
    ],
)
def test_colours_change_where_the_limits_are(
    limits: Limits | None, steps: list[tuple[float | None, str]]
) -> None:
    assert [(step["value"], step["color"]) for step in grafana.steps(limits)] == steps


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_limits_rise(page: Page) -> None:
    for panel in page.panels:
        values = [step["value"] for step in grafana.steps(panel.limits)][1:]
        assert values == sorted(values), panel.title
