"""Does it come back by itself? Everything here is done to the running stack, one thing after the other."""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

import pytest

from .evidence import Entry
from .graphql import Api
from .target import Target
from .waiting import seconds_until
from .wholeness import CRASH, LIMIT, OUT_OF_MEMORY, digest, killed, restarts, signal_all, whole

pytestmark = pytest.mark.playbook

REPLACE_LIMIT = 900
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def before(target: Target, api: Api) -> str:
    api.create("Must survive everything")
    seconds_until("the stack is whole", lambda: whole(target), LIMIT)
    return digest(target)


@pytest.mark.checklist("Recovery", "A killed container returns")
def test_every_killed_container_is_healthy_again(target: Target, before: str, evidence: Entry) -> None:
    ways = {"Killed by a signal": CRASH}
    if target.local:
        evidence.say("`docker kill` on a developer's own Docker is the developer's wish: it stays killed.")
    else:
        ways["Killed by `docker kill`"] = "docker kill {name}"
    rows = [
        [service, *(f"{killed(target, service, way):.1f}" for way in ways.values())]
        for service in sorted(target.containers())
    ]
    evidence.say("Seconds until every container is healthy and requests are served:")
    evidence.table(["Container", *ways], rows)


@pytest.mark.checklist("Recovery", "A hanging container is restarted")
@pytest.mark.parametrize("service", ["api", "worker", "temporal", "traefik"])
def test_a_hanging_container_is_restarted_by_autoheal(
    target: Target, before: str, evidence: Entry, service: str
) -> None:
    _, started = restarts(target, service)
    signal_all(target, service, "STOP")
    took = seconds_until(
        f"{service} is restarted", lambda: restarts(target, service)[1] != started and whole(target), LIMIT
    )
    evidence.say(f"{service}, stopped with SIGSTOP: healthy again after {took:.1f} s.")


@pytest.mark.checklist("Recovery", "A hanging container is restarted")
def test_a_hanging_postgres_is_left_alone_by_autoheal_and_returns_when_it_goes_on(
    target: Target, before: str, evidence: Entry
) -> None:
    _, started = restarts(target, "postgres")
    signal_all(target, "postgres", "STOP")
    try:
        time.sleep(45)
        assert restarts(target, "postgres")[1] == started, "autoheal restarted the database"
    finally:
        signal_all(target, "postgres", "CONT")
    took = seconds_until("the stack is whole", lambda: whole(target), LIMIT)
    evidence.say(
        f"postgres, stopped for 45 s: not restarted (by design), all healthy {took:.1f} s after it went on."
    )


@pytest.mark.checklist("Recovery", "A container that runs out of memory returns")
@pytest.mark.parametrize("service", ["api", "worker", "temporal", "traefik", "postgres"])
def test_a_container_that_runs_out_of_memory_returns(
    target: Target, before: str, evidence: Entry, service: str
) -> None:
    _, started = restarts(target, service)
    target.ssh(OUT_OF_MEMORY.format(name=target.containers()[service]), check=False)
    took = seconds_until(
        f"{service} died and is healthy again",
        lambda: restarts(target, service)[1] != started and whole(target),
        LIMIT,
    )
    evidence.say(f"{service}: out of memory, healthy again after {took:.1f} s.")


@pytest.mark.checklist("Recovery", "A running workflow survives Temporal's death")
def test_a_running_workflow_completes_after_temporals_death(
    target: Target, api: Api, evidence: Entry
) -> None:
    issue = api.create("Triage me through an outage")
    workflow = api.triage(issue, delay=8)
    seconds_until("the workflow runs", lambda: api.workflow(workflow) == "RUNNING", 15)
    target.ssh(CRASH.format(name=target.containers()["temporal"]))
    took = seconds_until("the workflow completes", lambda: api.workflow(workflow) == "COMPLETED", LIMIT)
    assert api.issue(issue)["triagedAt"], "the workflow's effect is not in the database"
    evidence.say(f"A workflow with a timer of 8 s, Temporal killed meanwhile: completed {took:.1f} s later.")


@pytest.mark.checklist("Recovery", "A reboot of the machine")
def test_everything_returns_after_a_reboot_without_a_human(
    target: Target, before: str, evidence: Entry
) -> None:
    if target.local:
        evidence.say("Not done for a stack on this machine's own Docker: its reboot is this machine's.")
        return
    boot = "cat /proc/1/stat | cut -d' ' -f22; uptime -s"
    before_boot = target.ssh(boot)
    target.ssh("sudo systemctl reboot", check=False)
    took = seconds_until(
        "the machine rebooted and all is healthy",
        lambda: target.ssh(boot) != before_boot and whole(target),
        300,
        every=1,
    )
    evidence.say(f"Rebooted: every container healthy and requests served after {took:.1f} s.")


@pytest.mark.checklist("Recovery", "A replaced server")
@pytest.mark.replaces_the_server
@pytest.mark.timeout(REPLACE_LIMIT + LIMIT)
def test_a_replaced_server_has_the_same_data_behind_the_same_addresses(
    request: pytest.FixtureRequest, target: Target, before: str, evidence: Entry
) -> None:
    rows, disk = digest(target), target.ssh("findmnt --noheadings --output UUID /mnt/data").strip()
    born = "cat /etc/machine-id"
    old, names = target.ssh(born), set(target.containers().values())

    started = time.monotonic()
    replaced = subprocess.run(
        shlex.split(request.config.getoption("--replace")),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=REPLACE_LIMIT,
        check=False,
    )
    assert replaced.returncode == 0, f"{replaced.stdout[-3000:]}\n{replaced.stderr[-3000:]}"
    command = time.monotonic() - started
    # At the address and with the host key that were known before: ssh is told of no other.
    assert target.ssh(born) != old, "it is the same server"
    more = seconds_until("all is healthy on the new server", lambda: whole(target), LIMIT)

    assert target.ssh("findmnt --noheadings --output UUID /mnt/data").strip() == disk, "it is another volume"
    assert digest(target) == rows, "the data is another"
    with target.http() as client:
        me = Api(target, client).login().run("{ me { email } }")["me"]
    assert me["email"] == target.outputs["admin_email"]
    evidence.say(
        f"Replaced: the command took {command:.1f} s, and {more:.1f} s later every container was healthy on "
        f"the new server and requests were served. Its {len(names)} containers are new; volume, addresses, "
        f"host key and passwords are the same, and so is the digest of the rows, {rows[:12]}…"
    )


@pytest.mark.checklist("Recovery", "The data is the same after all of it")
def test_the_issue_from_before_is_still_there(target: Target, api: Api, before: str, evidence: Entry) -> None:
    titles = [issue["title"] for issue in api.run("{ issues(first: 200) { title } }")["issues"]]
    assert "Must survive everything" in titles, "an issue is lost"
    evidence.say(f"The issue from before is there; {len(titles)} issues in all.")
