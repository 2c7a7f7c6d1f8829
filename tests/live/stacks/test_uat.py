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
from urllib.parse import urlsplit

import pytest

from operations.acceptance import Acceptance, Acceptances, Unnoted
from operations.checks.finding import Finding
from operations.promote import NoPromotion
from operations.releases import IMAGES
from operations.status import Report
from rehearsal import background
from rehearsal.receivers import Slack
from tests.live.explaining import explained, log
from tests.live.stacks import promised
from tests.live.stacks.logs import Logs, lines
from tests.live.stacks.stand import LEAVING, UAT, Stand
from tests.playbook.graphql import Api
from tests.playbook.store import Store, now
from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import CRASH, digest, killed, whole

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.timeout(600)]

BURST = 50_000
"""Lines: enough for two kills among them, few enough for a machine that has much beside it."""


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        yield slack


@pytest.fixture(scope="module")
def stand(folder: Path, slack: Slack) -> Iterator[Stand]:
    sections = {"backup": LEAVING, "notifications": {"slack": True}}
    with closing(Stand(folder, "uat", sections)) as stand:
        stand.rehearsal.secrets["slack_webhook"] = slack.webhook
        yield stand


@pytest.fixture(scope="module")
def api(target: Target) -> Iterator[Api]:
    with target.http() as client:
        yield Api(target, client).login()


@pytest.fixture(scope="module")
def store(target: Target) -> Store:
    return Store(target)


@pytest.fixture(scope="module")
def logs(store: Store) -> Logs:
    return Logs(store)


def test_every_declared_container_is_healthy(target: Target) -> None:
    assert target.health() == dict.fromkeys(target.outputs["containers"], "healthy")
    assert len(target.containers()) >= 14


def test_the_first_deploy_was_told_when_it_began_and_when_it_was_done(target: Target, slack: Slack) -> None:
    begun, done = (message.text for message in slack.messages)
    assert begun.startswith("▶ *uat: deploy begun*\nby ")
    assert "api new → " in begun
    assert re.match(r"✅ \*uat: deploy done after \d+:\d\d\*\nby ", done)
    assert re.search(r"^\d+ to create", done, re.M)
    assert slack.mistakes == []


def test_all_names_answer_and_temporals_pages_ask_for_a_password(target: Target) -> None:
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
    stand: Stand, target: Target, api: Api, logs: Logs
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
    (line,) = logs.found(f'container:="{old}" event_id:="{event}"')
    assert (line["service"], line["level"], line["_msg"]) == ("api", "error", "before the release")
    assert line["err.type"] == "Error", "its JSON is fields"


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


def test_its_status_tells_all_and_what_is_not_well_is_red(stand: Stand, target: Target) -> None:
    found, outputs = status_of(stand), stand.target().outputs  # a release was made since the fixture's
    assert red(found) == []
    assert {one.service: one.container for one in found.services} == outputs["containers"]
    assert {one.health for one in found.services} == {"healthy"}
    assert all((one.memory_mb or 0) > 0 and one.limit_mb for one in found.services)
    assert {one.release for one in found.services if one.service in IMAGES} == {"last good"}
    assert [one.what for one in found.backups if one.last] == [
        *("backup", "copy off the machine", "backup with the log"),
        *("drill of the copies", "drill of the log"),
    ]
    assert {one.name for one in found.certificates} == {
        urlsplit(url).hostname for url in outputs["urls"].values()
    }
    assert all((one.days or 0) > 14 for one in found.certificates)
    assert {disk.mount for disk in found.machine.disks} == {"/", "/mnt/data"}
    web = outputs["containers"]["web"]
    target.ssh(f"docker stop {web}")
    assert [(one.name, one.state) for one in red(status_of(stand))] == [(web, "is exited (exit code 0)")]
    target.ssh(f"docker start {web}; sudo pkill -STOP -x dockerd")
    silent = status_of(stand)
    target.ssh("sudo pkill -CONT -x dockerd")
    assert [one.name for one in red(silent)] == ["Docker"]
    assert len(silent.backups) == 6, "what needs no Docker is told"
    seconds_until("the stack is whole", lambda: whole(target), 60)


def red(found: Report) -> list[Finding]:
    """What is red, but for what the restores of a moment ago have done: each ends those who write."""
    return [one for one in found.findings if one.name != "ContainerRestarting"]


def status_of(stand: Stand) -> Report:
    """What `make status` finds."""
    stand.run("status")
    assert stand.rehearsal.report is not None
    return stand.rehearsal.report


def test_the_metrics_ask_for_a_password_and_their_name_leads_to_the_overview(
    target: Target, store: Store
) -> None:
    with target.http() as client:
        assert client.get(f"{target.url('metrics')}/vmui/").status_code == 401
        assert client.get(f"{target.url('metrics')}/flags", auth=store.login).status_code == 404
        first = client.get(target.url("metrics"), auth=store.login)
        assert first.headers["Location"] == f"{target.url('metrics')}/vmui/#/dashboards"
        assert "<html" in client.get(f"{target.url('metrics')}/vmui/", auth=store.login).text
    assert store.pages()[0]["title"] == "Overview"


def test_after_some_load_everything_that_was_promised_is_told(target: Target, api: Api, store: Store) -> None:
    workflows = [api.triage(api.create(f"load {number}")) for number in range(10)]
    with target.http() as client:
        for _ in range(30):
            client.get(f"{target.url('api')}/health")
    seconds_until("they complete", lambda: {*map(api.workflow, workflows)} == {"COMPLETED"}, 60)
    for job in promised.JOBS:
        store.holds(f'min(up{{job="{job}"}}) == 1')
    services = len(target.outputs["containers"])
    store.holds(f"count(jira_service_running == 1) == {services}")
    store.holds(f"count(jira_service_healthy == 1) == {services}")
    missing = []
    for condition in promised.HOLDS:
        try:
            store.holds(condition, 60)
        except AssertionError:
            missing.append(condition)
    assert missing == []


def test_every_panel_of_every_page_has_data(store: Store) -> None:
    empty = [
        f"{page['title']}, {panel['title']}: {query}"
        for page in store.pages()
        for row in page["rows"]
        for panel in row["panels"]
        for query in panel["expr"]
        if not store.series(query)
    ]
    assert empty == []


def test_the_logs_ask_for_the_password_of_the_metrics_and_show_what_is_searched(
    target: Target, logs: Logs
) -> None:
    with target.http() as client:
        url = target.url("metrics")
        assert client.get(f"{url}/select/logsql/query", params={"query": "*"}).status_code == 401
        assert client.get(f"{url}/select/vmui/").status_code == 401
        assert "<html" in client.get(f"{url}/select/vmui/", auth=logs.store.login).text
        for path in ("/insert/jsonline", "/internal/force_flush", "/internal/partition/list"):
            assert client.post(f"{url}{path}", auth=logs.store.login).status_code == 404
    services = {line["service"] for line in logs.ask("source:=container | uniq by (service)")}
    said = target.ssh(
        "docker ps --format '{{.Label \"jira-plus-plus.service\"}} {{.Names}}' | while read -r service name;"
        ' do [ -z "$(docker logs --tail 1 "$name" 2>&1)" ] || echo "$service"; done'
    )
    assert len(said.split()) > 10
    assert services >= {*said.split()}
    assert services >= {"migration", "temporal-namespace"}, "those that are gone, too"
    machine = {line["service"] for line in logs.ask("source:=machine | uniq by (service)")}
    assert machine >= {"docker", "ssh", "jira-plus-plus-revive"}


def test_a_request_is_found_by_its_number_its_service_its_level_and_its_release(
    stand: Stand, target: Target, logs: Logs
) -> None:
    number = "request-of-a-test"
    with target.http() as client:
        client.post(
            f"{target.url('api')}/graphql",
            json={"query": "{ __typename }"},
            headers={"X-Request-Id": number},
        )
    found = logs.found(f'request_id:="{number}"', 2)
    assert {line["service"] for line in found} == {"traefik", "api"}, "wherever it came through"
    release = stand.target().outputs["last_good"]["api"].partition("@")[2]
    query = f'service:=api level:=info request_id:="{number}" release:="{release}" _time:10m'
    (line,) = logs.found(query)
    assert (line["path"], line["status"]) == ("/graphql", "200")
    (line,) = logs.ask(f'service:=traefik RequestPath:="/graphql" request_id:="{number}"')
    assert line["_msg"].endswith("/graphql 200")


def test_what_is_said_on_the_machine_is_found(target: Target, logs: Logs) -> None:
    target.ssh("logger --tag a-test --priority user.warning said by hand")
    (line,) = logs.found("identifier:=a-test")
    assert (line["_msg"], line["level"], line["source"]) == ("said by hand", "warn", "machine")


def test_a_line_of_40000_characters_of_a_container_that_is_gone_is_whole(logs: Logs) -> None:
    logs.spoken(
        "a-long-line", "console.log(JSON.stringify({level: 'warn', msg: 'm'.repeat(40000), end: 'x'}))"
    )
    (line,) = logs.found("service:=a-long-line")
    assert (line["_msg"], line["level"], line["end"]) == ("m" * 40000, "warn", "x")


@pytest.mark.parametrize(
    ("number", "within"),
    [(300_000, 300), pytest.param(1_000_000, 600, marks=[pytest.mark.nightly, pytest.mark.timeout(1500)])],
)
def test_a_burst_takes_nothing_down_and_is_there_to_the_line(
    target: Target, logs: Logs, number: int, within: float
) -> None:
    burst = f"service:=a-burst-of-{number}"
    logs.spoken(f"a-burst-of-{number}", lines(number), timeout=within)
    seconds_until("all are there", lambda: logs.count(burst) >= number, within)
    assert logs.count(burst, "count_uniq(number)") == logs.count(burst) == number
    assert logs.count(f"{burst} number:range[1, {number}]") == number
    logs.store.holds("sum(jira_logs_lost_lines_total) == 0", 30)
    logs.store.holds("jira_logs_behind_seconds < 15", 60)
    logs.store.holds('sum(jira_container_oom_kills_total{service="logs"}) == 0', 30)
    assert target.health() == dict.fromkeys(target.outputs["containers"], "healthy")


def test_in_a_burst_the_store_and_who_brings_it_logs_are_killed_and_each_line_is_there_once(
    target: Target, logs: Logs
) -> None:
    logs.spoken("a-burst-with-kills", lines(BURST), wait=False)
    burst = "service:=a-burst-with-kills"
    seconds_until("it has begun", lambda: logs.count(burst) > 0, 60)
    target.ssh(f"docker kill {target.containers()['logs']}")
    seconds_until("the store is back", lambda: logs.count(burst) >= 0, 60)
    target.ssh("sudo systemctl kill --signal=KILL jira-plus-plus-logs")

    def complete() -> bool:
        count = logs.count(burst)
        assert count >= BURST, f"{count:,} lines"
        return True

    counters, kept = "cat /srv/jira/metrics/logs.prom", "sudo journalctl --disk-usage; df -h /var/log"
    with explained(target, counters, kept, "sudo journalctl -u jira-plus-plus-logs -n 25", log("logs")):
        seconds_until("all are there", complete, 450, every=2)
    assert logs.count(burst, "count_uniq(number)") == logs.count(burst) == BURST
    logs.store.holds("sum(jira_logs_lost_lines_total) == 0", 30)
    said = logs.found('service:="jira-plus-plus-logs" "the store is away"')
    assert {line["level"] for line in said} == {"warn"}
    seconds_until("the stack is whole", lambda: whole(target), 60)


def test_a_service_that_was_stopped_is_seen_and_so_is_its_return(target: Target, store: Store) -> None:
    name = target.containers()["watchtower"]
    target.ssh(f"docker stop {name}")
    store.holds('jira_service_running{service="watchtower"} == 0', 60)
    target.ssh(f"docker start {name}")
    store.holds('jira_service_healthy{service="watchtower"} == 1', 60)
    store.holds(
        'sum(changes_prometheus(jira_container_start_time_seconds{service="watchtower"}[5m])) == 1', 60
    )


def test_a_kill_for_want_of_memory_is_counted(target: Target, store: Store) -> None:
    store.holds('jira_container_oom_kills_total{service="web"} == 0')
    hungry = "const a = []; while (true) a.push(Buffer.alloc(8e6, 1))"
    target.ssh(f"docker exec {target.containers()['web']} node -e '{hungry}'", check=False)
    store.holds('increase(jira_container_oom_kills_total{service="web"}[5m]) >= 1')


def test_a_backup_that_is_too_old_is_seen(target: Target, store: Store) -> None:
    file = "/srv/jira/backups/status.json"
    target.ssh(f"sudo cp -p {file} {file}.kept")
    target.ssh(f'sudo sed -i \'s/"finished": [0-9]*/"finished": {now() - 30 * 3600}/\' {file}')
    try:
        store.holds('time() - jira_backup_finished_timestamp_seconds{kind="dump"} > 26 * 3600')
    finally:
        target.ssh(f"sudo mv {file}.kept {file}")


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


def test_secrets_are_made_anew_under_a_workflow_and_the_machine_tells_it(
    stand: Stand, target: Target, api: Api, store: Store
) -> None:
    began = now()
    workflow = api.triage(api.create("while Temporal gets another login"), delay=20)
    stand.rehearsal.secret = "temporal,monitoring"
    stand.run("rotate")
    with explained(target, target.asks_inside("api", "/ready"), log("api"), log("temporal"), log("worker")):
        seconds_until("the workflow has ended", lambda: api.workflow(workflow) == "COMPLETED", 60)
    seconds_until("the stack is whole", lambda: whole(target), 60)
    for secret in ("temporal", "monitoring"):
        store.holds(f'jira_secret_changed_timestamp_seconds{{secret="{secret}"}} > {began}')
    store.holds('sum(pg_stat_activity_count{usename="temporal_a"}) > 0')
    asked = "psql -XAtU postgres -c 'select rolname from pg_roles where rolcanlogin'"
    roles = target.ssh(f"docker exec jira-uat-postgres {asked}")
    assert {role for role in roles.split() if role.startswith("temporal")} == {"temporal_a"}
    assert [timing.changes for timing in stand.run("up")] == [0], "the numbers are kept for the runs to come"


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
