"""The lock of a run that was cut off, and the lock of one that is at work elsewhere."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from operations.locks import Locked
from tests.engine.conftest import Bring
from tests.engine.lab import Lab
from tests.engine.moments import Request
from tests.engine.test_kill import killed
from tests.engine.wholeness import assert_whole
from tests.operations.github_runs import GitHub

pytestmark = pytest.mark.engine


def lock(lab: Lab) -> Path:
    """The engine's own, left by a killed up while the server was being made."""
    killed(lab, Request("POST", "/v1/servers"), {})
    (found,) = (lab.state / "backend" / ".pulumi" / "locks").rglob("*.json")
    return found


def rename(file: Path, machine: str) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), "hostname": machine}))


def test_what_a_namesake_of_this_machine_is_creating_is_neither_unlocked_nor_deleted(
    bring: Bring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """infrastructure C1 (borg#1196, gbrain#2840): two containers of one name on one state."""
    lab = bring("uat", up=False)
    theirs = lock(lab)
    assert json.loads(theirs.read_text())["hostname"] == socket.gethostname()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of the other container"))
    before = lab.holdings()
    with pytest.raises(Locked, match=r"both repeat in containers; .*pulumi cancel --stack uat"):
        lab.deployment("uat", killed=True).up()
    assert theirs.exists()
    assert lab.holdings() == before
    assert before["server"] == 1


def test_a_ci_run_that_was_cut_off_is_settled_by_the_next_without_a_human(bring: Bring) -> None:
    """infrastructure C1 (pulumi/actions#928): a cancelled job is given ten seconds to end."""
    lab = bring("uat", up=False)
    rename(lock(lab), "github-run-77-1")
    statuses = {"77/attempts/1": "in_progress"}
    with GitHub.at_work(statuses) as github:
        deployment: Any = lab.deployment("uat", killed=True)
        deployment.environment = {**deployment.environment, **github.environment}
        with pytest.raises(Locked, match="a run of GitHub's that is still going"):
            deployment.up()
        statuses["77/attempts/1"] = "completed"
        deployment.up()
    assert_whole(lab)
    assert lab.holdings()["server"] == 1
