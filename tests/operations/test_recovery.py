"""Leftovers of a cut-off run, without an engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from operations.journal import Intent
from operations.orphans import CLOCK_SKEW, Context
from operations.recovery import context, remove_orphans

NOW = datetime.now(UTC)


def owned(labels: dict[str, str], created: datetime) -> bool:
    intent = Intent("urn::server", "hcloud:index/server:Server", {"name": "a", "labels": {"stack": "uat"}})
    return Context(frozenset(), NOW, NOW, {}).owned(intent, labels, created)


def test_only_what_is_ours_and_of_this_run_may_be_removed() -> None:
    assert owned({"stack": "uat", "more": "x"}, NOW)
    assert not owned({"stack": "prod"}, NOW), "another stack's"
    assert not owned({}, NOW), "made by hand"
    assert not owned({"stack": "uat"}, NOW - CLOCK_SKEW - timedelta(minutes=1)), (
        "there before the run: may hold data"
    )
    assert not owned({"stack": "uat"}, NOW + timedelta(seconds=5)), "another run's, which has begun since"


class Recorder:
    prefix = "hcloud:"

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.error = error

    def remove(self, intent: Intent, context: Context) -> str | None:
        self.asked.append(intent.name)
        if self.error:
            raise self.error
        return f"server {intent.name}"


def test_servers_go_first_as_they_hold_the_rest_and_other_providers_are_not_asked() -> None:
    intents = [
        Intent("urn::ip", "hcloud:index/primaryIp:PrimaryIp", {}),
        Intent("urn::server", "hcloud:index/server:Server", {}),
        Intent("urn::password", "random:index/randomPassword:RandomPassword", {}),
    ]
    finder = Recorder()
    assert remove_orphans(intents, Context(frozenset(), NOW, NOW, {}), [finder], lambda _: None) == 2
    assert finder.asked == ["server", "ip"]


def test_a_host_that_cannot_be_asked_does_not_stop_the_rest() -> None:
    said: list[str] = []
    finder = Recorder(OSError("no route to host"))
    intents = [Intent("urn::server", "hcloud:index/server:Server", {})]
    assert remove_orphans(intents, Context(frozenset(), NOW, NOW, {}), [finder], said.append) == 0
    assert "could not look for a leftover (no route to host)" in said[0]


def test_what_a_lookup_may_rely_on_is_read_from_the_state() -> None:
    state = {
        "resources": [
            {
                "urn": "urn::docker",
                "type": "pulumi:providers:docker",
                "id": "p",
                "inputs": {"host": "ssh://deploy@h"},
            },
            {"urn": "urn::a", "type": "hcloud:index/volumeAttachment:VolumeAttachment", "id": "7"},
            {"urn": "urn::c", "type": "jira-plus-plus:host:Host"},
        ]
    }
    found = context(state, NOW, NOW)
    assert found.known == {
        "p",
        "pulumi:providers:docker/p",
        "7",
        "hcloud:index/volumeAttachment:VolumeAttachment/7",
    }
    assert found.providers == {"urn::docker": {"host": "ssh://deploy@h"}}
