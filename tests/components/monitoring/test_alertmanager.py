"""What Alertmanager is told: who gets what, what follows from what, and what is secret."""

import json
from typing import Any

import pulumi
import pytest

from components.monitoring.alertmanager import FOLDER, FOLLOWS, FOLLOWS_WITHIN, configuration
from components.monitoring.alerts import INTERVAL_SECONDS, RESEND_SECONDS
from components.settings.notifications import Mail, Notifications
from rehearsal.declared.packed import files
from rehearsal.declared.platform import CANARY, commands, containers, declare, declared
from tests.components.monitoring.test_rules import GROUPS, rules

NAMES = {rule["alert"] for group in GROUPS for rule in rules(group)}
EVERYBODY = Notifications(
    slack=True,
    heartbeat=True,
    email=Mail(
        smtp_host="smtp.example.com", sender="jira@example.com", to="ops@example.com", username="jira"
    ),
)


def receivers(notifications: Notifications) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in configuration(notifications, FOLDER)["receivers"]}


def test_what_follows_from_what_is_known() -> None:
    named = {*FOLLOWS, *FOLLOWS_WITHIN}
    for names in FOLLOWS.values():
        named |= set(names)
    for _, names in FOLLOWS_WITHIN.values():
        named |= set(names)
    assert named <= NAMES
    for source, names in FOLLOWS.items():
        assert source not in names, "an alert that silences itself is never told"


@pytest.mark.parametrize("source", FOLLOWS_WITHIN)
def test_what_pages_is_silenced_by_nothing_that_waits_for_the_day(source: str) -> None:
    severities = {r["alert"]: r.get("labels", {}).get("severity") for g in GROUPS for r in rules(g)}
    if severities[source] == "ticket":
        assert "page" not in {severities[name] for name in FOLLOWS_WITHIN[source][1]}


def test_everybody_is_told_by_files_that_hold_the_secrets() -> None:
    told = receivers(EVERYBODY)
    (slack,) = told["people"]["slack_configs"]
    (mail,) = told["people"]["email_configs"]
    (switch,) = told["heartbeat"]["webhook_configs"]
    assert slack["api_url_file"] == "/etc/jira/slack"
    assert mail["auth_password_file"] == "/etc/jira/smtp"
    assert (mail["smarthost"], mail["require_tls"]) == ("smtp.example.com:587", True)
    assert switch["url_file"] == "/etc/jira/heartbeat"
    assert [one["send_resolved"] for one in (slack, mail, switch)] == [True, True, False]
    assert CANARY not in json.dumps(configuration(EVERYBODY, FOLDER))


def test_nobody_is_told_where_nobody_is_named() -> None:
    assert receivers(Notifications()) == {"people": {"name": "people"}, "heartbeat": {"name": "heartbeat"}}


def test_without_a_login_there_is_no_password_and_on_465_no_starttls() -> None:
    mail = Mail(smtp_host="smtp.example.com", smtp_port=465, sender="jira@example.com", to="ops@example.com")
    (told,) = receivers(Notifications(email=mail))["people"]["email_configs"]
    assert not {"auth_username", "auth_password_file"} & told.keys()
    assert told["require_tls"] is False


def test_the_webhook_is_in_a_file_and_nowhere_else() -> None:
    recorded = declared("uat")
    given = files(commands(recorded)["alertmanager-files"])
    assert given["/etc/jira/slack"] == "https://hooks.example.com/canary-slack-webhook"
    for resource in recorded.resources:
        for name, value in resource.inputs.items():
            if "canary-slack-webhook" in json.dumps(value):
                assert name in resource.secrets, f"{resource.type} {resource.name}: {name}"


def test_only_who_tells_somebody_has_a_way_out() -> None:
    networks = [
        {
            network["name"]
            for network in containers(declare("uat", changes))["alertmanager"].inputs["networksAdvanced"]
        }
        for changes in ({}, {"notifications": {"heartbeat": True}})
    ]
    assert networks[0] == {"network-metrics-alerts-0a1b2c3"}
    assert networks[1] == {"network-metrics-alerts-0a1b2c3", "network-egress-0a1b2c3"}


def test_the_preview_says_that_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    (line,) = [line for line in declare("uat").warnings if line.startswith("notifications: ")]
    assert "neither slack nor email is set, so nobody is told of alerts" in line
    assert not [
        line
        for line in declare("uat", {"notifications": {"slack": True}}).warnings
        if line.startswith("notifications: ")
    ]


def test_the_silences_outlive_the_machine() -> None:
    (kept,) = [m for m in containers(declared("uat"))["alertmanager"].inputs["mounts"] if not m["readOnly"]]
    assert (kept["source"], kept["target"]) == ("/mnt/data/alertmanager", "/alertmanager")


def test_a_restart_of_the_rules_is_shorter_than_alertmanager_waits() -> None:
    """vmalert says of each alert that it ends after four times the longer of the two (rule/group.go)."""
    assert 4 * max(INTERVAL_SECONDS, RESEND_SECONDS) >= 5 * 60
    words = containers(declared("uat"))["alerts"].inputs["command"]
    assert {"-external.label=stack=uat", "-notifier.url=http://alertmanager:9093"} <= set(words)
