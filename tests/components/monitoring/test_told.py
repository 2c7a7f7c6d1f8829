"""Who is told what, by the real programs: `chain.py`."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest

from components.monitoring.alertmanager import FOLLOWS
from components.settings.notifications import Mail, Notifications
from tests.components.monitoring import test_rules
from tests.components.monitoring.chain import Chain, chain, fields, wait_for
from tests.operations.mail_server import mail_server
from tests.operations.test_checks import certificate

SERVICES = (
    "api",
    "autoheal",
    "postgres",
    "temporal",
    "temporal-ui",
    "traefik",
    "watchtower",
    "web",
    "worker",
)
WELL = {f'jira_service_healthy{{service="{name}"}}': 1.0 for name in SERVICES} | {
    'up{job="traefik"}': 1.0,
    'pg_up{job="postgres"}': 1.0,
    'jira_container_healthy{service="postgres"}': 1.0,
}
AWAY = dict.fromkeys(WELL, 0.0)
MANY = 12
"""Of one alert: two more than a message has."""


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Chain]:
    with chain(tmp_path) as whole:
        whole.write(WELL)
        yield whole
        assert whole.slack.mistakes == []


def test_a_fault_is_told_with_its_command_and_so_is_its_end(told: Chain) -> None:
    told.write({'jira_service_healthy{service="web"}': 0})
    (message,) = told.told(1)
    assert message.title == "[uat] web is not well"
    assert message.colour == "danger"
    assert "*web is not well* (ServiceDown, page, since " in message.text
    assert "docs/runbook.md#a-container-is-unhealthy-or-restarts-again-and-again" in message.text
    (command,) = fields(message.text)
    assert command.startswith("$(pulumi stack output ssh --stack uat) 'docker ps -a --filter")
    assert "service=web" in command
    told.quiet(3)

    told.write({'jira_service_healthy{service="web"}': 1})
    resolved = told.told(2)[-1]
    assert resolved.title == "[uat] Resolved: web is not well"
    assert resolved.colour == "good"
    assert "web is not well: no longer (ServiceDown, from " in resolved.text
    told.quiet()


def test_a_reboot_is_one_message_and_not_twenty(told: Chain) -> None:
    told.write({"jira_host_boot_timestamp_seconds": time.time() - 90_000}, ago_seconds=1200)
    told.write({**AWAY, "jira_host_boot_timestamp_seconds": time.time() - 60})
    (message,) = told.told(1)
    assert message.title.startswith("[uat] The machine was rebooted 1m")
    assert message.colour == "warning"
    told.quiet()
    firing = json.loads(told.ask("alertmanager", "/api/v2/alerts?active=false&inhibited=true") or "")
    assert {alert["labels"]["alertname"] for alert in firing} == {
        "ServiceDown",
        "NotMeasured",
        "PostgresDown",
    }

    told.write(WELL)
    told.quiet()


def test_what_is_not_well_ten_minutes_after_a_reboot_is_told(told: Chain) -> None:
    told.write({"jira_host_boot_timestamp_seconds": time.time() - 90_000}, ago_seconds=1200)
    told.write(
        {'jira_service_healthy{service="api"}': 0, "jira_host_boot_timestamp_seconds": time.time() - 590}
    )
    assert told.told(1)[0].title.startswith("[uat] The machine was rebooted 9m")
    titles = [one.title for one in told.told(3, within=40)]
    assert "[uat] api is not well" in titles
    assert any(title.startswith("[uat] Resolved: The machine was rebooted") for title in titles)


def test_what_follows_from_the_database_is_not_told_beside_it(told: Chain) -> None:
    told.write(dict.fromkeys((f'jira_service_healthy{{service="{name}"}}' for name in SERVICES), 0.0))
    told.write({'pg_up{job="postgres"}': 0, 'jira_container_healthy{service="postgres"}': 0})
    (message,) = told.told(1)
    assert message.title == "[uat] Postgres does not answer"
    told.quiet()


def test_what_waits_for_a_worker_that_is_away_is_not_told_beside_it(told: Chain) -> None:
    told.write(
        {
            'jira_service_healthy{service="worker"}': 0,
            'approximate_backlog_age_seconds{taskqueue="jira"}': 300,
        }
    )
    (message,) = told.told(1)
    assert message.title == "[uat] worker is not well"
    told.quiet()
    told.write({'jira_service_healthy{service="worker"}': 1})
    titles = {one.title for one in told.told(3, within=40)[1:]}
    assert "[uat] Resolved: worker is not well" in titles
    assert any(title.startswith("[uat] Work in Temporal's queue jira has been waiting") for title in titles)


def test_an_exporter_that_is_not_let_in_wakes_nobody(told: Chain) -> None:
    told.write({'pg_up{job="postgres"}': 0})
    (message,) = told.told(1)
    assert message.title == "[uat] Nothing is known of postgres any more"
    assert message.colour == "warning"
    told.quiet()


def test_what_fails_at_once_is_one_message_a_severity(told: Chain) -> None:
    told.write(dict.fromkeys((f'jira_service_healthy{{service="{name}"}}' for name in SERVICES), 0.0))
    messages = sorted(told.told(2), key=lambda one: one.colour)
    assert [one.colour for one in messages] == ["danger", "warning"]
    assert messages[0].title == "[uat] api is not well, and 5 more"
    assert messages[1].title == "[uat] autoheal is not well, and 2 more"
    assert len(fields(messages[0].text)) == 6
    told.quiet()


@pytest.mark.parametrize(
    ("status", "text", "headers"),
    [
        (503, "rollup_error", {}),
        (429, "rate_limited", {"Retry-After": "2"}),
        (200, "invalid_token", {}),
    ],
)
def test_a_webhook_that_refuses_is_made_up_for_and_the_switch_is_called_meanwhile(
    told: Chain, status: int, text: str, headers: dict[str, str]
) -> None:
    told.slack.refuse(status, text, headers)
    told.write({'jira_service_healthy{service="web"}': 0})
    wait_for(lambda: len(told.slack.requests) >= 2, 30, told.log("alertmanager"))
    calls = len(told.switch.calls)
    told.quiet(5)
    assert len(told.switch.calls) > calls

    told.slack.accept()
    (message,) = told.told(1)
    assert message.title == "[uat] web is not well"
    told.quiet()


def test_what_ended_while_the_webhook_was_away_is_told_as_ended(told: Chain) -> None:
    told.write({'jira_service_healthy{service="web"}': 0})
    told.told(1)
    told.slack.refuse(503)
    told.write({'jira_service_healthy{service="web"}': 1})
    told.quiet(5)
    told.slack.accept()
    assert told.told(2)[-1].title == "[uat] Resolved: web is not well"
    told.quiet()


def test_the_switch_is_called_until_the_rules_are_evaluated_no_more(told: Chain) -> None:
    wait_for(lambda: len(told.switch.calls) >= 3, 20, told.log("alertmanager"))
    told.end("alerts")
    wait_for(lambda: time.time() - told.switch.calls[-1] > 10, 40, told.log("alertmanager"))
    assert told.switch.state(told.switch.calls[-1] + 1000) == "down"
    told.begin_alerts()
    calls = len(told.switch.calls)
    wait_for(lambda: len(told.switch.calls) > calls, 20, told.log("alertmanager"))


def test_a_restart_of_alertmanager_forgets_no_silence_and_tells_nothing_twice(told: Chain) -> None:
    told.write({'jira_service_healthy{service="web"}': 0})
    told.told(1)
    silence = {
        "matchers": [{"name": "service", "value": "api", "isRegex": False, "isEqual": True}],
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "createdBy": "ops",
        "comment": "is being mended",
    }
    told.ask("alertmanager", "/api/v2/silences", json.dumps(silence).encode())
    told.end("alertmanager")
    told.begin_alertmanager()
    told.write({'jira_service_healthy{service="api"}': 0})
    told.quiet(8)


def test_a_restart_of_the_rules_takes_nothing_for_resolved(told: Chain) -> None:
    told.write({'jira_service_healthy{service="web"}': 0})
    told.told(1)
    told.end("alerts")
    told.begin_alerts()
    told.quiet(8)


def test_a_mail_has_the_same_words_and_goes_over_tls_with_the_login(tmp_path: Path) -> None:
    whole = Chain(tmp_path)
    (tmp_path / "authorities.pem").write_text(certificate(tmp_path, "localhost"))
    whole.environment = {"SSL_CERT_FILE": str(tmp_path / "authorities.pem")}
    with mail_server(tmp_path / "served.pem") as server:
        mail = Mail(
            smtp_host="localhost",
            smtp_port=server.port,
            sender="jira@example.com",
            to="ops@example.com",
            username="jira",
        )
        whole.notifications = Notifications(email=mail)
        try:
            whole.begin()
            whole.write({'jira_service_healthy{service="web"}': 0})
            wait_for(lambda: len(server.mails) == 1, 20, whole.log("alertmanager"))
            whole.write({'jira_service_healthy{service="web"}': 1})
            wait_for(lambda: len(server.mails) == 2, 20, whole.log("alertmanager"))
        finally:
            whole.end()
    first, second = (message_from_string(text) for text in server.mails)
    assert server.logins == ["jira canary-password"] * 2
    assert (first["To"], first["From"]) == ("ops@example.com", "jira@example.com")
    assert first["Subject"] == "[uat] web is not well"
    assert second["Subject"] == "[uat] Resolved: web is not well"
    (body,) = (
        part.get_payload(decode=True) for part in first.walk() if part.get_content_type() == "text/plain"
    )
    assert isinstance(body, bytes)
    assert "docs/runbook.md#a-container-is-unhealthy" in body.decode()
    assert "    $(pulumi stack output ssh --stack uat) 'docker ps -a --filter" in body.decode()


def test_every_alert_has_its_text_and_ten_of_them_are_enough(tmp_path: Path) -> None:
    """Each rule fires here at once, with the labels of its own series and with 42."""
    whole = Chain(tmp_path)
    expected = set()
    for group, content in whole.rules.items():
        (only,) = content["groups"]
        for rule in only["rules"]:
            labels = next(
                alert
                for case in test_rules.cases(group)
                if case["alert"] == rule["alert"]
                for alerts in case["expect"].values()
                for alert in alerts
            )
            pairs = ", ".join(
                json.dumps(word) for pair in labels.items() if pair[0] != "summary" for word in pair
            )
            rule["expr"] = f"label_set(vector(42){', ' if pairs else ''}{pairs})"
            if rule["alert"] == "UnitFailed":
                units = (f'label_set(vector(42), "unit", "unit-{number}")' for number in range(MANY))
                rule["expr"] = f"union({', '.join(units)})"
            rule.setdefault("labels", {})["severity"] = "none" if rule["alert"] == "Watchdog" else "all"
            expected.add(rule["alert"])
    followers = {name for names in FOLLOWS.values() for name in names} | {"DiskFullSoon"}  # of the same disk
    try:
        whole.begin()
        wait_for(
            lambda: {one["labels"]["alertname"] for one in firing(whole)} == expected, 30, whole.log("alerts")
        )
        for alert in firing(whole):
            for name in ("summary", "description", "runbook", "command"):
                text = alert["annotations"][name]
                wrong = [sign for sign in ("{{", "<no value>", "template:", "\n") if sign in text]
                assert (bool(text), wrong) == (True, []), f"{alert['labels']['alertname']}: {name}: {text}"
        silent = {one["labels"]["alertname"] for one in firing(whole) if one["status"]["inhibitedBy"]}
        assert silent == followers
        messages = whole.told(len(expected - followers - {"Watchdog"}), within=90)
        (units,) = (message for message in messages if "UnitFailed" in message.text)
        assert len(fields(units.text)) == 10
        assert units.text.endswith(f"and {MANY - 10} more\n")
        assert f", and {MANY - 1} more" in units.title
        assert [len(fields(message.text)) for message in messages if message != units] == [1] * (
            len(messages) - 1
        )
        assert whole.slack.mistakes == []
    finally:
        whole.end()


def firing(whole: Chain) -> list[dict[str, Any]]:
    """What Alertmanager was told of."""
    return list(json.loads(whole.ask("alertmanager", "/api/v2/alerts") or "[]"))
