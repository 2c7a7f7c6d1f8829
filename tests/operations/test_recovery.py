"""Locks and leftovers, without an engine."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operations.journal import Intent
from operations.orphans import CLOCK_SKEW, Context
from operations.recovery import Locked, context, lift_lock, remove_orphans

HOST = socket.gethostname()
NOW = datetime.now(UTC)


class FakeStack:
    name = "uat"

    def __init__(self) -> None:
        self.cancelled = 0

    def cancel(self) -> None:
        self.cancelled += 1


def refusal(host: str, pid: int) -> str:
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or "
        "delete the lock file with `pulumi cancel`.\n"
        f"  file:///x/locks/1.json: created by ann@{host} (pid {pid}) at 2026-01-02T03:04:05Z"
    )


def ended() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_lock_of_a_process_that_is_gone_is_lifted() -> None:
    stack: Any = FakeStack()
    lift_lock(stack, refusal(HOST, ended()), lambda _: None)
    assert stack.cancelled == 1


def test_a_number_that_another_program_has_now_is_no_engine() -> None:
    stack: Any = FakeStack()
    lift_lock(stack, refusal(HOST, os.getpid()), lambda _: None)
    assert stack.cancelled == 1


def test_the_lock_of_a_living_engine_stays(tmp_path: Any) -> None:
    engine = tmp_path / "pulumi"
    engine.symlink_to("/bin/sleep")
    stack: Any = FakeStack()
    with subprocess.Popen([str(engine), "60"]) as process:
        try:
            while Path(f"/proc/{process.pid}/comm").read_text().strip() != "pulumi":
                time.sleep(0.01)  # the kernel names it a moment after it has started
            with pytest.raises(Locked, match=rf"in use since .* by process {process.pid}"):
                lift_lock(stack, refusal(HOST, process.pid), lambda _: None)
        finally:
            process.kill()
    assert stack.cancelled == 0


def test_the_lock_of_another_machine_stays_and_the_remedy_is_named() -> None:
    stack: Any = FakeStack()
    with pytest.raises(Locked, match=r"ann@elsewhere .*pulumi cancel --stack uat"):
        lift_lock(stack, refusal("elsewhere", 1), lambda _: None)
    assert stack.cancelled == 0


def test_a_lock_in_unknown_words_stays() -> None:
    stack: Any = FakeStack()
    with pytest.raises(Locked, match="Another update is currently in progress"):
        lift_lock(stack, "[409] Conflict: Another update is currently in progress.", lambda _: None)
    assert stack.cancelled == 0


def owned(labels: dict[str, str], created: datetime) -> bool:
    intent = Intent("urn::server", "hcloud:index/server:Server", {"name": "a", "labels": {"stack": "uat"}})
    return Context(frozenset(), NOW, {}).owned(intent, labels, created)


def test_only_what_is_ours_and_of_this_run_may_be_removed() -> None:
    assert owned({"stack": "uat", "more": "x"}, NOW)
    assert not owned({"stack": "prod"}, NOW), "another stack's"
    assert not owned({}, NOW), "made by hand"
    assert not owned({"stack": "uat"}, NOW - CLOCK_SKEW - timedelta(minutes=1)), (
        "there before the run: may hold data"
    )


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
    assert remove_orphans(intents, Context(frozenset(), NOW, {}), [finder], lambda _: None) == 2
    assert finder.asked == ["server", "ip"]


def test_a_host_that_cannot_be_asked_does_not_stop_the_rest() -> None:
    said: list[str] = []
    finder = Recorder(OSError("no route to host"))
    intents = [Intent("urn::server", "hcloud:index/server:Server", {})]
    assert remove_orphans(intents, Context(frozenset(), NOW, {}), [finder], said.append) == 0
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
    found = context(state, NOW)
    assert found.known == {
        "p",
        "pulumi:providers:docker/p",
        "7",
        "hcloud:index/volumeAttachment:VolumeAttachment/7",
    }
    assert found.providers == {"urn::docker": {"host": "ssh://deploy@h"}}
