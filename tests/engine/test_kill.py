"""`kill -9` of the engine at eleven moments of an up: the next up converges, no orphans, no duplicates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError

from operations import ssh_files
from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import Lab
from tests.engine.moments import Docker, Kill, Moment, Request, Step
from tests.engine.test_release import NEW
from tests.engine.wholeness import HOLDINGS, assert_whole

pytestmark = pytest.mark.engine

FIRST_UP: dict[str, Moment] = {
    # Carried out, and no id of it in any state
    "ssh key made": Request("POST", "/v1/ssh_keys"),
    "server made": Request("POST", "/v1/servers"),
    "volume attached": Request("POST", "/actions/attach"),
    "record made": Request("POST", "/dns_records"),
    # Asked for, and never carried out
    "volume asked for": Request("POST", "/v1/volumes", effect=False),
    # Between two steps
    "server in the state": Step("create", "host-server", ended=True),
    # It runs, and nobody waits for its health any more
    "postgres started": Docker("jira-uat-postgres", "start", {"healthy_after_seconds": 5}),
    # The next up gives it another name
    "docker volume made": Docker("watchtower-busybox", "create", {"volumes_take_seconds": 5}),
}
A_CHANGE: dict[str, tuple[Moment, dict[str, Any]]] = {
    # The new one serves, the old one still does, too
    "new api healthy": (Docker("api-", "healthy"), {"images.api": NEW["api"]}),
    # The old one is gone, the new one has yet to come
    "old postgres removed": (Docker("jira-uat-postgres", "remove"), {"images.postgres": NEW["postgres"]}),
}


def killed(lab: Lab, moment: Moment, changes: dict[str, Any]) -> None:
    """An up that ends at `moment`."""
    kill = Kill(lab)
    deployment = lab.deployment("uat", changes, checkpoints=True)
    with kill.at(moment), pytest.raises((DeploymentFailed, CommandError)):
        deployment.up()
    assert kill.reached, f"{moment} never came"


def test_a_replacement_of_the_server_that_was_killed_is_finished_by_the_next_up(bring: Bring) -> None:
    lab = bring("uat")
    holdings = lab.holdings()
    (volume,) = lab.objects("volume")
    kill = Kill(lab)
    deployment = lab.deployment("uat", checkpoints=True)
    (urn,) = [r["urn"] for r in lab.resources() if r["type"] == "hcloud:index/server:Server"]
    # Deleted, and the state still has it
    with kill.at(Request("DELETE", r"/v1/servers/\d+")), pytest.raises(CommandError):
        deployment.open().up(replace=[urn], color="never")
    assert kill.reached
    converges(lab, {}, holdings)
    assert lab.objects("volume")[0]["id"] == volume["id"], "the data is still there"


def converges(lab: Lab, changes: dict[str, Any], holdings: dict[str, int]) -> None:
    deployment = lab.deployment("uat", changes, killed=True)
    deployment.up()
    assert_whole(lab)
    assert lab.holdings() == holdings


@pytest.mark.parametrize("moment", FIRST_UP)
def test_a_first_up_that_was_killed_is_finished_by_the_next(
    moment: str, bring: Bring, tmp_path: Path
) -> None:
    lab = bring("uat", up=False)
    killed(lab, FIRST_UP[moment], {})
    for key in (tmp_path / "home" / ".ssh" / "jira-plus-plus").glob("*"):
        assert f"~/.ssh/jira-plus-plus/{key.name}" in ssh_files.folders(json.dumps(lab.resources()))
    converges(lab, {}, HOLDINGS)


@pytest.mark.parametrize("moment", A_CHANGE)
def test_a_change_that_was_killed_is_finished_by_the_next_up(moment: str, bring: Bring) -> None:
    lab = bring("uat")
    holdings = lab.holdings()
    at, changes = A_CHANGE[moment]
    killed(lab, at, changes)
    converges(lab, changes, holdings)
