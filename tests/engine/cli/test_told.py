"""A channel of Slack hears of what is typed, by the secret that the engine has encrypted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from rehearsal.receivers import Slack
from rehearsal.receivers.slack import PATH
from tests.engine.cli.terminal import Terminal, host
from tests.engine.lab import ZONE_ID

pytestmark = [pytest.mark.engine, pytest.mark.parametrize("host", [host()])]


@pytest.fixture
def slack(terminal: Terminal) -> Iterator[Slack]:
    """The stack's own channel."""
    file = terminal.project / "Pulumi.uat.yaml"
    file.write_text(f"{file.read_text()}\n  jira-plus-plus:notifications:\n    slack: true\n")
    terminal.run("pulumi stack init uat")
    with Slack() as slack:
        terminal.run("pulumi config set --secret slack_webhook --stack uat", stdin=slack.webhook)
        yield slack
        assert slack.mistakes == []
    assert PATH not in terminal.shown, "whoever has it may write there"
    assert PATH not in file.read_text()


def first_lines(slack: Slack) -> list[str]:
    return [re.sub(r"\d+:\d\d", "0:00", message.text.splitlines()[0]) for message in slack.messages]


def test_a_deploy_and_drift_are_told_and_a_channel_that_is_away_fails_nothing(
    host: str, terminal: Terminal, slack: Slack
) -> None:
    terminal.run("make deploy STACK=uat")
    assert first_lines(slack) == ["▶ *uat: deploy begun*", "✅ *uat: deploy done after 0:00*"]
    assert re.search(r"^\d+ to create", slack.messages[1].text, re.M)

    slack.messages.clear()
    record, *_ = terminal.lab.objects("dns_record")
    terminal.lab.ask("DELETE", f"/client/v4/zones/{ZONE_ID}/dns_records/{record['id']}")
    slack.refuse(503)
    shown = terminal.run("make drift STACK=uat", fails=True)
    assert "Slack was not told that uat: drift found after " in shown
    assert "drift: 1 resource(s) differ" in shown
    slack.accept()
    assert "told late: 1 notice of former runs" in terminal.run("make deploy STACK=uat")
    late, begun, done = (message.text for message in slack.messages)
    assert late.startswith("⚠ *uat: drift found after ")
    assert re.search(r"^put back: edge-\S+ was gone$", late, re.M)
    assert begun.startswith("▶ *uat: deploy begun*")
    assert re.search(r"^1 to create, \d+ unchanged$", done, re.M)


def test_a_deploy_that_fails_is_told_with_its_reason(host: str, terminal: Terminal, slack: Slack) -> None:
    terminal.lab.fault(
        {
            **{"kind": "status", "method": "POST", "path": "/v1/servers$"},
            **{"status": 403, "code": "forbidden", "count": None},
        }
    )
    terminal.run("make deploy STACK=uat", fails=True)
    assert first_lines(slack) == ["▶ *uat: deploy begun*", "❌ *uat: deploy failed after 0:00*"]
    assert "up failed:" in slack.messages[1].text
    assert "host-server: " in slack.messages[1].text


def test_a_stack_that_is_recorded_only_has_nobody_to_ask(host: str, terminal: Terminal) -> None:
    terminal.run("pulumi stack init uat")
    shown = terminal.run("make status STACK=uat || echo it ended with $?")
    assert "none runs: there is nobody to ask" in shown
    assert "Error 2" in shown
