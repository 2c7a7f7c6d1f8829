"""Can one see what it does?"""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .evidence import Entry
from .graphql import Api
from .target import Target
from .waiting import seconds_until

pytestmark = pytest.mark.playbook


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
