"""Port 22 for the time of a run: opened for its own address, closed after it, and never a difference."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import Lab

pytestmark = pytest.mark.engine

OWN = {"host.ssh.allowed_networks": [], "host.ssh.allow_own_address": True}
NETWORK = {"host.ssh.allowed_networks": ["203.0.113.0/24"], "host.ssh.allow_own_address": False}


def changing(lab: Lab) -> list[tuple[str, Any]]:
    """Path and body of what has been asked of Hetzner's firewalls and servers, in order."""
    return [
        (f"{line['m']} {line['p']}", line["body"])
        for line in lab.requests()
        if line["m"] != "GET" and ("/firewalls" in line["p"] or line["p"].endswith("/servers"))
    ]


def test_a_first_deploy_opens_the_port_before_the_server_is_made_and_closes_it_after(bring: Bring) -> None:
    """infrastructure A7 (soleur#4177): a hosted runner is in no list of networks, and there is no server."""
    lab = bring("uat", up=False)
    lab.deployment("uat", OWN).up()
    asked = changing(lab)
    paths = [path for path, _ in asked]
    assert paths[0] == "POST /v1/firewalls"
    assert "POST /v1/servers" in paths
    assert paths[-2].endswith("/actions/remove_from_resources")
    assert paths[-1].startswith("DELETE /v1/firewalls/")
    body = asked[0][1]
    assert [(rule["port"], rule["source_ips"]) for rule in body["rules"]] == [("22", ["127.0.0.1/32"])]
    assert body["apply_to"][0]["label_selector"] == {"selector": "managed-by=jira-plus-plus,stack=uat"}
    (program,) = lab.objects("firewall")
    assert not [rule for rule in program["rules"] if rule["port"] == "22"], "and no other way in"


def test_the_runs_firewall_is_no_drift_and_no_change(bring: Bring) -> None:
    """infrastructure A7: the provider's refresh reads it as one of the server's."""
    lab = bring("uat")
    lab.deployment("uat", OWN).up()
    before = len(changing(lab))
    deployment = lab.deployment("uat", OWN)
    assert deployment.preview().changes == 0
    with deployment.way_in():
        deployment.open().refresh(color="never")  # kept in the state, firewall and all
    assert deployment.up().changes == 0
    ours = [path.split("/")[2:] for path, _ in changing(lab)[before:]]
    assert [path[0] for path in ours] == ["firewalls"] * 9, "three runs: open, take off, delete"
    (server,) = lab.objects("server")
    (program,) = lab.objects("firewall")
    assert list(server["firewalls"]) == [str(program["id"])]


def test_a_firewall_that_was_taken_off_by_hand_is_put_back(bring: Bring) -> None:
    """infrastructure A7: what the program leaves alone for the sake of the runs, these watch over."""
    lab = bring("uat")
    lab.deployment("uat", OWN).up()
    (server,), (program,) = lab.objects("server"), lab.objects("firewall")
    lab.cloud.store.put("server", {**server, "firewalls": {}})
    lab.deployment("uat", OWN).up()
    assert list(lab.objects("server")[0]["firewalls"]) == [str(program["id"])]
    assert "was not on the server jira-plus-plus-uat any more; it is again" in "\n".join(lab.output)


def test_a_token_that_may_only_read_cannot_open_the_port_and_is_told_so(bring: Bring) -> None:
    """infrastructure B7: before anything else is asked."""
    lab = bring("uat", up=False)
    refusal = {"kind": "status", "method": "POST", "path": "^/v1/firewalls$", "status": 403, "count": None}
    lab.fault({**refusal, "code": "token_readonly"})
    with pytest.raises(DeploymentFailed, match=r"port 22 could not be opened for this run .* that may write"):
        lab.deployment("uat", OWN).up()
    assert lab.objects("server") == []


HELD = """
import json, os, sys
from operations.orphans.hetzner import hetzner
from operations.run_firewall import open_port
open_port(hetzner(os.environ), "uat", "198.51.100.9")
print("open", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_run_has_opened_the_next_closes_and_a_live_ones_stays_open(bring: Bring) -> None:
    """infrastructure A7: found by its labels, which say whose it is."""
    lab = bring("uat")
    environment = {**os.environ, **lab.surroundings()}
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HELD],
            env=environment,
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for holder in holders:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
    killed, alive = holders
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    lab.deployment("uat", OWN).up()
    left = [found for found in lab.objects("firewall") if "purpose" in found["labels"]]
    assert [found["labels"]["process"].partition("-")[0] for found in left] == [str(alive.pid)]
    alive.kill()
    alive.wait()
    lab.deployment("uat", OWN).preview()
    assert len(lab.objects("firewall")) == 1
    assert "a run that is gone had opened port 22" in "\n".join(lab.output)


def test_an_address_that_is_not_let_in_is_told_with_the_setting_and_nothing_is_begun(bring: Bring) -> None:
    """infrastructure A7: not a bare dial error after six minutes."""
    lab = bring("uat")
    deployment = lab.deployment("uat", NETWORK)
    deployment.knock = lambda address: address == "unreachable"
    before = len(changing(lab))
    told = r"allowed_networks \(203\.0\.113\.0/24\), .* comes from 127\.0\.0\.1\. Nothing was changed"
    with pytest.raises(DeploymentFailed, match=told + r".*host\.ssh\.allow_own_address: true"):
        deployment.up()
    with pytest.raises(DeploymentFailed, match=r"127\.0\.0\.1") as raised:
        deployment.preview()
    assert "allow_own_address" in raised.value.journal.errors[0].message, "for the pull request's comment"
    assert len(changing(lab)) == before
    deployment.destroy()
    assert not lab.holdings(), "what is on the server goes with it, by Hetzner's API alone"
    lab.restore(None)
    with pytest.raises(DeploymentFailed, match="allow_own_address"):
        lab.deployment("uat", NETWORK).up()
    assert not lab.holdings(), "not even on a first deploy"
