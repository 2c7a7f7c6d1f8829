"""Can one see what it does?"""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from components.monitoring import alerts
from components.monitoring.pages import pages as described
from components.monitoring.pages.page import There

from . import browser, load
from .evidence import Entry
from .graphql import Api
from .store import Store
from .target import Target
from .waiting import seconds_until

pytestmark = pytest.mark.playbook
USERS, SECONDS, WORKFLOWS = 20, 120, 10
"""Who works while the pages are looked at, and for how long."""
BEFORE_SECONDS = 60
"""For so long they have worked then: a rate is one of some minutes."""
NAMELESS = "The stack has no name for its metrics: they are not to be had from outside."
ONCE = {
    query.expr: panel.after for page in described(There()) for panel in page.panels for query in panel.queries
}
"""By a query, the condition without which it has no answer; empty for most."""


@pytest.fixture(scope="module")
def store(target: Target) -> Store:
    return Store(target)


def looked_at(target: Target, api: Api, folder: Path, kind: str = "webp") -> list[browser.Page]:
    """The pages while people work, as pictures in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    people = threading.Thread(target=load.run, args=(target, USERS, SECONDS), daemon=True)
    people.start()
    issues = []
    for number in range(WORKFLOWS):
        issues.append(api.create(f"observed {number}"))
        api.triage(issues[-1])
        time.sleep(BEFORE_SECONDS / WORKFLOWS)
    found = browser.pages(target, folder, kind)
    people.join(SECONDS + 60)
    for issue in issues:
        api.run("mutation ($id: ID!) { deleteIssue(id: $id) }", id=issue)
    return found


@pytest.fixture(scope="module")
def shown(target: Target, api: Api, store: Store, request: pytest.FixtureRequest) -> list[browser.Page]:
    """The pages under load; none where they have no name."""
    return looked_at(target, api, Path(request.config.getoption("--report"))) if store.named else []


@pytest.mark.checklist("Observability", "Logs are structured and found")
def test_every_line_of_the_applications_logs_is_json(target: Target, evidence: Entry) -> None:
    rows = []
    for service in ("api", "worker", "web"):
        lines = target.ssh(f"docker logs --tail 200 {target.containers()[service]} 2>&1").splitlines()
        broken = [line for line in lines if not line.startswith("{")]
        rows.append([service, len(lines), len(broken)])
        assert lines, f"{service} logs nothing"
        assert not broken, f"{service} logs a line that is not JSON: {broken[0][:200]}"
        assert {"level", "time", "msg"} <= set(json.loads(lines[-1])), f"{service}: {lines[-1][:200]}"
    evidence.table(["Container", "Lines read", "Not JSON"], rows)


@pytest.mark.checklist("Observability", "Metrics are scraped")
def test_requests_are_counted_in_the_metrics(target: Target, api: Api, evidence: Entry) -> None:
    def counted() -> float:
        _, text = target.inside("api", "/metrics")
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "http_requests_total" and sample.labels.get("path") == "/graphql"
        )

    first = counted()
    api.run("{ me { email } }")
    second = counted()
    evidence.say(f"http_requests_total for /graphql went from {first:.0f} to {second:.0f} with one request.")
    assert second == first + 1, "the request was not counted (is anybody else using this stack?)"


@pytest.mark.checklist("Observability", "A captured error is found")
def test_a_captured_error_is_found_by_its_event_id(target: Target, api: Api, evidence: Entry) -> None:
    event = api.run('mutation { captureTestError(message: "from the playbook") }')["captureTestError"]

    def lines() -> list[str]:
        return target.ssh(
            f"docker logs --since 60s {target.containers()['api']} 2>&1 | grep {event}", check=False
        ).splitlines()

    seconds_until("the error is in the log", lines, 10)
    entry = json.loads(lines()[0])
    assert entry["event"] == "captured_error"
    evidence.say(f"Event {event} is in the log: {entry['msg']}")
    if "logs" not in target.outputs["containers"] or "metrics" not in target.outputs["urls"]:
        evidence.say("The stack keeps no logs where they can be searched.")
        return
    login = (target.outputs["metrics_user"], target.outputs["metrics_password"])
    query = f'service:=api level:=error event_id:="{event}" _time:10m'

    def found() -> list[dict[str, str]]:
        with target.http(auth=login) as client:
            answer = client.get(f"{target.url('metrics')}/select/logsql/query", params={"query": query})
        return [json.loads(line) for line in answer.text.splitlines()]

    seconds_until("the error is in the store of logs", found, 30)
    (line,) = found()
    assert line["_msg"] == "from the playbook"
    evidence.say(f"It is found by `{query}`, of the release {line['release']}.")


@pytest.mark.checklist("Observability", "All are asked for their metrics, and the rules are evaluated")
def test_all_are_asked_for_their_metrics_and_the_rules_are_evaluated(store: Store, evidence: Entry) -> None:
    if not store.named:
        evidence.say(NAMELESS)
        return
    seconds_until("all answer", lambda: not store.series("up == 0"), 120)
    asked = sorted((labels["job"], labels["instance"], value) for labels, value in store.series("up"))
    evidence.table(["Job", "Instance", "Answers"], [[job, at, f"{value:.0f}"] for job, at, value in asked])
    assert {"metrics", "traefik", "api", "worker", "temporal", "postgres", "host"} <= {
        one[0] for one in asked
    }

    def told() -> bool:
        return all(rule["health"] == "ok" for group in store.groups() for rule in group["rules"])

    seconds_until("all rules were evaluated", told, 120)
    groups = store.groups()
    evidence.table(["Group", "Rules"], [[one["name"], len(one["rules"])] for one in groups])
    written = {
        rule["alert"]
        for file in alerts.RULES.glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    }
    assert {rule["name"] for group in groups for rule in group["rules"]} == written
    assert store.series('ALERTS{alertname="Watchdog",alertstate="firing"}'), "the heartbeat does not beat"


@pytest.mark.checklist("Observability", "The pages under load")
def test_the_pages_show_a_chart_in_each_panel_under_load(
    shown: list[browser.Page], store: Store, evidence: Entry
) -> None:
    if not store.named:
        evidence.say(NAMELESS)
        return
    evidence.say(f"{USERS} users work, and {WORKFLOWS} workflows ran, while Chromium looks at the pages.")
    for page in shown:
        evidence.picture(f"{page.title}, {page.panels} panels", page.picture)
    assert [page.title for page in shown] == [page["title"] for page in store.pages()]
    assert {page.title: page.complaints for page in shown if page.complaints} == {}
    assert [page.panels for page in shown] == [
        sum(len(row["panels"]) for row in page["rows"]) for page in store.pages()
    ]


@pytest.mark.checklist("Observability", "Every panel of every page has data")
@pytest.mark.usefixtures("shown")
def test_every_panel_of_every_page_has_data(store: Store, evidence: Entry) -> None:
    if not store.named:
        evidence.say(NAMELESS)
        return
    asked = [
        (page["title"], panel["title"], query)
        for page in store.pages()
        for row in page["rows"]
        for panel in row["panels"]
        for query in panel["expr"]
    ]
    later = {(page, title) for page, title, query in asked if ONCE[query] and not store.series(ONCE[query])}
    for page, title in sorted(later):
        evidence.say(f"{page}, {title}: has nothing to show yet.")
    found: dict[tuple[str, str, str], list[float]] = {}

    def answered() -> bool:
        for one in asked:
            if not found.get(one) and one[:2] not in later:
                found[one] = [value for _, value in store.series(one[2])]
        return all(found.values())

    try:
        # What is written each minute is seen a while later.
        seconds_until("every query has an answer", answered, 180, every=5)
    finally:
        evidence.table(
            ["Page", "Panel", "Series", "Least", "Most"],
            [
                [page, title, len(values), f"{min(values, default=0):.4g}", f"{max(values, default=0):.4g}"]
                for (page, title, _), values in found.items()
            ],
        )


@pytest.mark.checklist("Observability", "Grafana has the same pages")
def test_grafana_has_the_same_pages_and_asks_the_same_store(
    target: Target, store: Store, evidence: Entry
) -> None:
    if "grafana" not in target.outputs["urls"]:
        evidence.say("The stack has no Grafana.")
        return
    login = (target.outputs["grafana_user"], target.outputs["grafana_password"])
    with target.http(auth=login) as client:
        url = target.url("grafana")
        listed = client.get(f"{url}/api/search", params={"type": "dash-db"}).json()
        asked = {}
        for one in listed:
            panels = client.get(f"{url}/api/dashboards/uid/{one['uid']}").json()["dashboard"]["panels"]
            asked[one["title"]] = [
                target["expr"] for panel in panels if panel["type"] != "row" for target in panel["targets"]
            ]
        answer = client.get(
            f"{url}/api/datasources/proxy/uid/metrics/api/v1/query", params={"query": "count(up == 1)"}
        ).json()
    evidence.table(["Page", "Queries"], [[title, len(queries)] for title, queries in sorted(asked.items())])
    assert answer["data"]["result"], f"the store tells it nothing: {answer}"
    if store.named:
        assert asked == {
            page["title"]: [
                query for row in page["rows"] for panel in row["panels"] for query in panel["expr"]
            ]
            for page in store.pages()
        }
