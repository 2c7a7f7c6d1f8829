"""What is shown of a UAT that has Grafana as well, looked at as the playbook does.

In the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.live.stacks.stand import Stand
from tests.playbook import test_7_observability as playbook
from tests.playbook.evidence import Entry
from tests.playbook.graphql import Api
from tests.playbook.store import Store
from tests.playbook.target import Target

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(1800)]
LARGER = {"server_type": "cx33", "server_type_fallbacks": []}
"""UAT's own has no room for Grafana."""


@pytest.fixture(scope="module")
def stand(folder: Path) -> Iterator[Stand]:
    sections = {"host": LARGER, "monitoring": {"grafana": True}, "domain": {"grafana": "grafana-uat"}}
    with closing(Stand(folder, "uat", sections)) as stand:
        yield stand


@pytest.fixture(scope="module")
def store(target: Target) -> Store:
    return Store(target)


@pytest.fixture
def evidence() -> Entry:
    return Entry("Observability", "the pages")


def test_all_are_asked_and_the_rules_are_evaluated(store: Store, evidence: Entry) -> None:
    playbook.test_all_are_asked_for_their_metrics_and_the_rules_are_evaluated(store, evidence)


def test_the_pages_have_a_chart_in_each_panel_and_data_under_load(
    target: Target, store: Store, evidence: Entry, tmp_path: Path
) -> None:
    with target.http() as client:
        shown = playbook.looked_at(target, Api(target, client).login(), tmp_path)
    playbook.test_the_pages_show_a_chart_in_each_panel_under_load(shown, store, evidence)
    playbook.test_every_panel_of_every_page_has_data(store, evidence)
    assert all((tmp_path / picture.file).stat().st_size > 20_000 for picture in evidence.pictures)


def test_grafana_is_behind_its_password_and_has_the_same_pages(
    target: Target, store: Store, evidence: Entry
) -> None:
    with target.http() as client:
        assert client.get(f"{target.url('grafana')}/api/health").status_code == 401
        assert client.get(target.url("grafana"), auth=("admin", "admin")).status_code == 401
    playbook.test_grafana_has_the_same_pages_and_asks_the_same_store(target, store, evidence)


def test_it_starts_anew_with_its_pages_and_its_password(
    target: Target, store: Store, evidence: Entry
) -> None:
    target.ssh(f"docker restart {target.containers()['grafana']}")
    store.holds('jira_service_healthy{service="grafana"} == 1')
    playbook.seconds_until("it is healthy", lambda: target.health()["grafana"] == "healthy", 60)
    playbook.test_grafana_has_the_same_pages_and_asks_the_same_store(target, store, evidence)


def test_without_it_nothing_of_it_is_left_and_the_store_shows_the_pages(stand: Stand, store: Store) -> None:
    stand.change("monitoring", grafana=False)
    stand.change("domain", grafana=None)
    stand.run("up")
    target = stand.target()
    assert "grafana" not in target.outputs["containers"]
    assert "grafana" not in target.ssh("docker ps --all --format '{{.Names}}'; docker network ls")
    assert "grafana" not in target.outputs["urls"]
    assert store.pages()[0]["title"] == "Overview"
