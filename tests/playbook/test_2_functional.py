"""Does it do what its users want?"""

from __future__ import annotations

import json

import pytest

from .evidence import Entry
from .graphql import Api, GraphQLError
from .target import Target
from .waiting import seconds_until

pytestmark = pytest.mark.playbook


@pytest.mark.checklist("Functional", "Login")
def test_the_administrator_logs_in_and_a_wrong_password_does_not(target: Target, evidence: Entry) -> None:
    with target.http() as client:
        nobody = Api(target, client)
        with pytest.raises(GraphQLError, match="wrong password"):
            nobody.run('mutation { login(email: "admin@example.com", password: "no") { token } }')
        with pytest.raises(GraphQLError, match="Log in first"):
            nobody.run("{ issues { id } }")
        administrator = Api(target, client).login()
        assert administrator.run("{ me { email } }")["me"]["email"] == target.outputs["admin_email"]
    evidence.say(
        "The administrator's generated password logs in; a wrong one does not; "
        "without a session nothing is read."
    )


@pytest.mark.checklist("Functional", "Issues are created, read, changed and deleted")
def test_an_issue_goes_through_its_life(api: Api, evidence: Entry) -> None:
    issue = api.create("From the playbook")
    assert api.issue(issue)["title"] == "From the playbook"
    api.run("mutation ($id: ID!) { updateIssue(id: $id, patch: { status: DONE }) { id } }", id=issue)
    assert api.issue(issue)["status"] == "DONE"
    assert api.run("mutation ($id: ID!) { deleteIssue(id: $id) }", id=issue)["deleteIssue"] is True
    assert api.issue(issue) is None, "a deleted issue is still read"
    evidence.say(f"Issue {issue}: created, read, set to DONE, deleted, gone.")


@pytest.mark.checklist("Functional", "A Temporal workflow completes")
def test_a_workflow_completes_and_its_effect_is_in_the_database(api: Api, evidence: Entry) -> None:
    issue = api.create("The site has an outage")
    workflow = api.triage(issue)
    took = seconds_until("the workflow completes", lambda: api.workflow(workflow) == "COMPLETED", limit=60)
    assert api.issue(issue)["priority"] == "high", "the workflow's effect is not in the database"
    evidence.say(f"{workflow} completed in {took:.1f} s and set the priority to high.")


def behind_its_password(target: Target, evidence: Entry, url: str, login: str) -> None:
    """Asks without, with a wrong and with the right password, which is among the outputs."""
    user = (target.outputs[f"{login}_user"], target.outputs[f"{login}_password"])
    with target.http() as client:
        answers = {
            "no password": client.get(url).status_code,
            "a wrong password": client.get(url, auth=(user[0], "wrong")).status_code,
            "its password": client.get(url, auth=user, follow_redirects=True).status_code,
        }
    evidence.table(["With", "Status"], list(answers.items()))
    assert answers == {"no password": 401, "a wrong password": 401, "its password": 200}


@pytest.mark.checklist("Functional", "Temporal's UI asks for its password")
def test_the_temporal_ui_is_behind_its_password(target: Target, evidence: Entry) -> None:
    behind_its_password(target, evidence, target.url("temporal"), "temporal_ui")


@pytest.mark.checklist("Functional", "The metrics ask for their password")
def test_the_metrics_are_behind_their_password(target: Target, evidence: Entry) -> None:
    if "metrics" not in target.outputs["urls"]:
        evidence.say("The stack has no name for its metrics: they are not to be had from outside.")
        return
    behind_its_password(target, evidence, f"{target.url('metrics')}/vmui/", "metrics")


@pytest.mark.checklist("Functional", "The metrics ask for their password")
def test_grafana_is_behind_its_password(target: Target, evidence: Entry) -> None:
    if "grafana" not in target.outputs["urls"]:
        evidence.say("The stack has no Grafana.")
        return
    behind_its_password(target, evidence, target.url("grafana"), "grafana")


@pytest.mark.checklist("Functional", "The logs show the request")
def test_a_request_is_found_in_the_logs_of_the_api(target: Target, api: Api, evidence: Entry) -> None:
    marker = "playbook-request-0001"
    with target.http() as client:
        client.get(f"{target.url('api')}/not-there-{marker}")

    def lines() -> list[str]:
        text = target.ssh(
            f"docker logs --since 60s {target.containers()['api']} 2>&1 | grep {marker}", check=False
        )
        return text.splitlines()

    seconds_until("the request is in the log", lines, limit=10)
    line = json.loads(lines()[0])
    evidence.say(f"The API's log, as JSON: {json.dumps(line)[:300]}")
    assert line["path"].endswith(marker)
