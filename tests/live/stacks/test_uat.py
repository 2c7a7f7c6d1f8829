"""UAT with a machine that boots and containers that run: what its users do, kills, a clean end.

In the order of the file: the last one destroys the stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from operations.acceptance import Acceptance, Acceptances, Unnoted
from operations.promote import NoPromotion
from rehearsal import background
from tests.live.stacks.stand import LEAVING, UAT, Stand
from tests.playbook.graphql import Api
from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import CRASH, digest, killed, whole

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def stand(folder: Path) -> Iterator[Stand]:
    with closing(Stand(folder, "uat", {"backup": LEAVING})) as stand:
        yield stand


@pytest.fixture(scope="module")
def api(target: Target) -> Iterator[Api]:
    with target.http() as client:
        yield Api(target, client).login()


def test_every_declared_container_is_healthy(target: Target) -> None:
    assert target.health() == dict.fromkeys(target.outputs["containers"], "healthy")
    assert len(target.containers()) >= 11


def test_all_three_names_answer_and_temporals_pages_ask_for_a_password(target: Target) -> None:
    with target.http() as client:
        assert client.get(f"{target.url('api')}/health").json()["status"] == "ok"
        assert "<html" in client.get(target.url("web")).text
        assert client.get(target.url("temporal")).status_code == 401
        login = (target.outputs["temporal_ui_user"], target.outputs["temporal_ui_password"])
        assert client.get(target.url("temporal"), auth=login).status_code == 200


def test_an_issue_is_created_and_a_workflow_completes_on_it(api: Api) -> None:
    issue = api.create("The site has an outage")
    workflow = api.triage(issue)
    seconds_until("the workflow completes", lambda: api.workflow(workflow) == "COMPLETED", 60)
    assert (api.issue(issue) or {})["triagedAt"]


def test_what_a_container_said_is_found_after_a_release_has_removed_it(
    stand: Stand, target: Target, api: Api
) -> None:
    """runtime 21."""
    old = target.containers()["api"]
    event = api.run('mutation { captureTestError(message: "before the release") }')["captureTestError"]
    seconds_until("it is in the log", lambda: event in target.ssh(f"docker logs --since 60s {old} 2>&1"), 10)
    stand.change("services", api=UAT["config"]["jira-plus-plus:services"]["api"] | {"drain_seconds": 2})
    stand.run("up")
    assert old not in target.ssh("docker ps --all --format '{{.Names}}'").split()
    found = target.ssh("sudo journalctl -t jira-uat-api --since '-10min' --output cat")
    assert event in found
    assert event in target.ssh(f"sudo journalctl CONTAINER_NAME={old} --output cat")


def test_what_runs_is_promoted_once_it_has_passed_the_playbook(stand: Stand) -> None:
    """By `make promote`; the note lies on the server."""
    good = stand.target().outputs["last_good"]
    other = {**good, "api": good["api"].partition("@")[0] + "@sha256:" + "0" * 64}
    with pytest.raises(NoPromotion, match="has not been through the playbook"):
        stand.run("promote")
    noted = Acceptances("uat", "hetzner", stand.target().outputs)
    with pytest.raises(Unnoted, match="has to be the same from its beginning to its end"):
        noted.note(Acceptance("2026-01-02T03:04:05Z", other, [], []))
    noted.note(Acceptance("2026-01-02T03:04:05Z", good, [], ["A replaced server"]))
    stand.run("promote")
    *_, passed, promoted = stand.output
    assert passed.endswith("(2026-01-02T03:04:05Z), without: A replaced server")
    assert set(promoted.splitlines()) == {f"{name}={reference}" for name, reference in good.items()}
    noted.note(Acceptance("2026-01-02T04:04:05Z", good, ["Login"], []))
    with pytest.raises(NoPromotion, match="failed: Login"):
        stand.run("promote")


def test_what_was_dumped_is_served_again_and_so_is_what_was_there(
    stand: Stand, target: Target, api: Api
) -> None:
    """By `make restore`, and back by the same."""
    kept = api.create("before the dump")
    target.ssh(
        "docker exec jira-uat-backup /bin/sh /run/jira/entrypoint.sh -- bash /etc/jira/backup.sh manual"
    )
    lost = api.create("after the dump")
    stand.restore("latest")
    seconds_until("the router has found it", lambda: whole(target), 30)
    assert (api.issue(kept) or {})["title"] == "before the dump"
    assert api.issue(lost) is None
    stand.restore("before")
    seconds_until("the router has found it", lambda: whole(target), 30)
    assert (api.issue(lost) or {})["title"] == "after the dump"


def test_what_was_deleted_a_moment_ago_is_served_again(stand: Stand, target: Target, api: Api) -> None:
    kept = api.create("a moment ago")
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    late = api.create("afterwards")
    stand.restore(moment, "all")
    seconds_until("the router has found it", lambda: whole(target), 30)
    assert (api.issue(kept) or {})["title"] == "a moment ago"
    assert api.issue(late) is None


def test_what_is_off_the_machine_is_restored_on_trial(stand: Stand, target: Target) -> None:
    """By `make drill`; the container has made one of each kind by itself, of an empty database."""
    inside, kinds = "docker exec jira-uat-backup", ("copies", "log")
    for kind in kinds:
        first = f"{inside} test -e /backups/drill-{kind}.json && echo there || true"
        seconds_until("the first one is made", lambda first=first: "there" in target.ssh(first), 150)
    work = "bash /etc/jira/backup.sh manual && bash /etc/jira/offsite.sh push"
    target.ssh(f"{inside} /bin/sh /run/jira/entrypoint.sh -- sh -c '{work}'")
    stand.run("drill")
    health = target.ssh(
        "docker inspect --format '{{range .State.Health.Log}}{{.Output}}{{end}}' jira-uat-backup"
    )
    kept = target.ssh(f"{inside} ls /backups/drills").split()
    for kind in kinds:
        last = json.loads(target.ssh(f"{inside} cat /backups/drill-{kind}.json"))
        assert last["ok"] is True
        assert last["databases"]["jira"]["rows"] > 0
        assert last["databases"]["temporal"]["tables"] > 0
        assert last["newest_in"].startswith("public.")
        assert f"{last['stamp']}-{kind}.md" in kept
        assert sum(name.endswith(f"-{kind}.json") for name in kept) >= 2
        assert f"the last good drill of the {kind} was 0 days ago" in health


@pytest.mark.parametrize("way", ["docker kill {name}", CRASH])
@pytest.mark.parametrize("service", ["api", "postgres"])
def test_what_is_killed_returns_with_the_same_data(target: Target, api: Api, service: str, way: str) -> None:
    before = digest(target)
    killed(target, service, way)
    assert digest(target) == before
    assert api.run("{ me { email } }")["me"]["email"] == target.outputs["admin_email"], "still logged in"


def test_what_an_operator_stopped_stays_stopped(target: Target) -> None:
    name = target.containers()["web"]
    target.ssh(f"docker stop {name}")
    with pytest.raises(AssertionError, match="not within 8 s"):
        seconds_until("web runs", lambda: "web" in target.containers(), 8)
    target.ssh(f"docker start {name}")
    seconds_until("the stack is whole", lambda: whole(target), 60)


@pytest.mark.parametrize(
    ("server_type", "faults"), [("cx33", []), ("cx23", [{"kind": "starts_again"}])], ids=["off", "started"]
)
def test_a_resized_server_serves_again_whether_hetzner_leaves_it_off_or_starts_it(
    stand: Stand, target: Target, server_type: str, faults: list[dict[str, str]]
) -> None:
    before = digest(target)
    stand.change("host", server_type=server_type, server_type_fallbacks=[])
    (stand.rehearsal.state / "cloud" / "faults.json").write_text(json.dumps(faults))
    stand.run("up")
    seconds_until("the stack is whole", lambda: whole(target), 120)
    assert digest(target) == before


def test_an_up_again_changes_nothing(stand: Stand, target: Target) -> None:
    assert [timing.changes for timing in stand.run("up")] == [0]


def test_what_was_written_survives_the_machine_and_its_disks(stand: Stand, target: Target, api: Api) -> None:
    """All that the first machine had is gone; two buckets and the keys on paper are left."""
    issue = api.create("written in the last minute")
    stand.run("recreate")
    said = "\n".join(stand.restore("former", "all"))
    assert "replays its log up to the end" in said, "the log ended later than the last copy"
    there = stand.target()
    seconds_until("the stack is whole", lambda: whole(there), 60)
    with there.http() as client:
        assert (Api(there, client).login().issue(issue) or {})["title"] == "written in the last minute"
    *_, copy = re.findall(
        r"^(\S+-manual) .*\(off the machine\), of a former", "\n".join(stand.restore("")), re.M
    )
    stand.restore(copy, "all")
    seconds_until("the stack is whole", lambda: whole(there), 60)
    with there.http() as client:
        assert (Api(there, client).login().issue(issue) or {})["title"] == "written in the last minute"


@pytest.mark.nightly
def test_all_but_the_buckets_and_the_paper_is_gone_and_the_stack_is_had_back(
    stand: Stand, target: Target
) -> None:
    """No last copy was made, and there is no state: what is lost is what the log had not been sent of."""
    target = stand.target()  # after a server that was made anew it is not the fixture's
    with target.http() as client:
        issue = Api(target, client).login().create("written on the worst day")
    ask = 'docker exec jira-uat-postgres psql -U postgres -Atc "{}"'.format
    file = target.ssh(ask("select pg_walfile_name(pg_switch_wal())")).strip()
    sent = ask(f"select last_archived_wal >= '{file}' from pg_stat_archiver")
    seconds_until("the log is off the machine", lambda: target.ssh(sent).strip() == "t", 120)
    stand.run("recover")
    there = stand.target()
    seconds_until("the stack is whole", lambda: whole(there), 60)
    with there.http() as client:
        found = Api(there, client).login().issue(issue) or {}
    assert found["title"] == "written on the worst day"


def test_destroy_empties_the_cloud_and_stops_it(stand: Stand) -> None:
    stand.run("destroy")
    assert background.find(stand.rehearsal.state) is None
