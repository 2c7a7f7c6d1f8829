"""The local stack with containers that run: variables, sources that are edited, a crash, a clean end.

In the order of the file: the last one destroys the stack.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from operations import stack_file, summary
from operations.deployment import DeploymentFailed
from operations.releases import Releases
from operations.rollback import Rollback
from rehearsal.leftovers import in_docker
from tests.live.local.conftest import VALUE, WITHOUT_A_PAGE, Developer, variant
from tests.live.local.watch import Watch
from tests.playbook.graphql import Api
from tests.playbook.waiting import seconds_until

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.timeout(300)]

SOURCE = 'status: "ok", service: name'
WITH_GREETING = f"{SOURCE}, greeting: process.env.GREETING"


def healthy(container: Container) -> bool:
    container.reload()
    return bool(container.attrs["State"]["Health"]["Status"] == "healthy")


AGENT = "request_User-Agent"
RELOAD_SECONDS = 40  # on a machine that runs other tests, too; alone it takes 2 to 4


def test_every_container_is_healthy_and_a_second_up_changed_nothing(up: Developer) -> None:
    found = up.containers().items()
    states = {name: container.attrs["State"]["Health"]["Status"] for name, container in found}
    assert states == dict.fromkeys(states, "healthy")
    assert {"api", "worker", "web", "postgres", "temporal", "traefik", "backup"} <= states.keys()
    assert [(t.step, bool(t.changes)) for t in up.rehearsal.timings[:3]] == [
        ("preview", True),
        ("up", True),
        ("no-op up", False),
    ]


def test_all_three_names_answer(up: Developer) -> None:
    target = up.target()
    with target.http() as client:
        assert client.get(f"{target.url('api')}/health").json()["status"] == "ok"
        assert "<html" in client.get(target.url("web")).text
        assert client.get(f"{target.url('web')}/config.json").json() == {"apiUrl": target.url("api")}
        assert client.get(target.url("temporal")).status_code == 401
        login = (target.outputs["temporal_ui_user"], target.outputs["temporal_ui_password"])
        assert client.get(target.url("temporal"), auth=login).status_code == 200


def test_the_release_was_asked_for_through_the_proxy_and_recorded(up: Developer) -> None:
    (recorded,) = up.target().outputs["releases"]
    assert recorded["images"] == up.target().outputs["last_good"]
    assert recorded["begun"] <= recorded["when"]
    log = up.containers()["traefik"].logs().decode()
    asked = [
        line for line in map(access, log.splitlines()) if line.get(AGENT) == "jira-plus-plus-smoke-check"
    ]
    for name, path in (("api.localhost", "/health"), ("app.localhost", "/")):
        answers = [
            a["DownstreamStatus"] for a in asked if (a["RequestHost"], a["RequestPath"]) == (name, path)
        ]
        assert answers[-2:] == [200] * 2, name


def access(line: str) -> dict[str, Any]:
    """A line of Traefik's access log; of another log nothing."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if "RequestHost" in found else {}


def test_the_sample_data_is_there_and_an_issue_is_triaged(api: Api) -> None:
    titles = [issue["title"] for issue in api.run("{ issues { title } }")["issues"]]
    assert len(titles) >= 3, "application.seed_data"
    issue = api.create("made by hand")
    workflow = api.triage(issue)
    seconds_until("the workflow has ended", lambda: api.workflow(workflow) == "COMPLETED", 30)
    assert api.issue(issue)["priority"]  # type: ignore[index]


def test_a_developers_variables_reach_api_and_worker_and_show_nowhere(up: Developer) -> None:
    for service, container in up.containers().items():
        code, output = container.exec_run(["sh", "-c", "cat /run/secrets/GREETING"])
        assert (code == 0 and output.decode() == VALUE) == (service in ("api", "worker")), service
        assert VALUE not in json.dumps(container.attrs), f"docker inspect of {service} shows it"
    assert next(up.files.glob("jira-plus-plus/*/migration-*/run/secrets/GREETING")).read_text() == VALUE
    (state,) = (up.rehearsal.state / "backend" / ".pulumi" / "stacks").rglob("*.json")
    assert VALUE not in state.read_text()
    assert VALUE not in (up.rehearsal.state / "preview.md").read_text()
    assert VALUE not in "\n".join(up.output)
    assert not any(VALUE in path.read_text() for path in (up.rehearsal.state / "events").glob("*.jsonl"))


def saved(file: Path, text: str) -> None:
    """Saves in place: of files that are replaced Node's --watch loses sight.

    And not at once: of what comes while it starts anew it may miss the last, and nobody edits so fast.
    """
    time.sleep(3)
    file.write_text(text)


def test_a_saved_file_is_served_within_seconds_without_an_up(up: Developer) -> None:
    file = up.sources / "service.js"
    text = file.read_text()
    before = up.containers()["api"].id
    assert VALUE not in up.health()

    saved(file, text.replace(SOURCE, WITH_GREETING))
    took = seconds_until("the change is served", lambda: VALUE in up.health(), RELOAD_SECONDS, every=0.1)
    print(f"served {took:.1f} s after it was saved")
    saved(file, text)
    seconds_until("the change back is served", lambda: VALUE not in up.health(), RELOAD_SECONDS, every=0.1)
    container = up.containers()["api"]
    assert container.id == before
    assert container.attrs["RestartCount"] == 0, "the process started anew, not the container"


def test_a_mistake_in_the_sources_waits_for_its_correction(up: Developer) -> None:
    file = up.sources / "service.js"
    text = file.read_text()
    api = up.containers()["api"]
    saved(file, text + "\nthis is no JavaScript\n")
    seconds_until("Node tells so", lambda: b"Failed running" in api.logs(tail=5), RELOAD_SECONDS, every=0.1)
    assert '"ok"' not in up.health()
    saved(file, text)
    seconds_until("it serves again", lambda: '"ok"' in up.health(), RELOAD_SECONDS, every=0.1)
    assert up.containers()["api"].attrs["RestartCount"] == 0


def test_a_crashed_api_comes_back_with_its_data(up: Developer, api: Api) -> None:
    issue = api.create("before the crash")
    container = up.containers()["api"]
    started = container.attrs["State"]["StartedAt"]
    container.exec_run(["sh", "-c", "kill -KILL -1"])  # all but the first process, which ends with them

    def back() -> bool:
        container.reload()
        return bool(container.attrs["State"]["StartedAt"] != started and '"ok"' in up.health())

    took = seconds_until("the API is back", back, 30)
    print(f"back {took:.1f} s after the crash")
    assert api.issue(issue)["title"] == "before the crash"  # type: ignore[index]


def test_what_needs_no_temporal_is_served_while_temporal_is_away(up: Developer, api: Api) -> None:
    """runtime 14, and 23: an API that is started anew meanwhile is served, too."""
    temporal, server = up.containers()["temporal"], up.containers()["api"]
    temporal.stop()
    try:
        until = time.monotonic() + 15  # the router asks every 2 s
        while time.monotonic() < until:
            assert api.run("{ issues(first: 1) { title } }")["issues"]
            time.sleep(0.1)
        server.restart(timeout=10)
        took = seconds_until("the API is served again", lambda: '"ok"' in up.health(), 40)
        print(f"served {took:.1f} s after its restart, without Temporal")
    finally:
        temporal.start()
        seconds_until("Temporal is healthy", lambda: healthy(temporal), 90)


def test_who_starts_while_its_database_is_away_is_not_restarted_for_that(up: Developer) -> None:
    """runtime 23."""
    postgres, worker = up.containers()["postgres"], up.containers()["worker"]
    postgres.pause()
    try:
        worker.restart(timeout=5)
        took = seconds_until("the worker is healthy", lambda: healthy(worker), 60)
        print(f"healthy {took:.1f} s after its restart, without Postgres")
    finally:
        postgres.unpause()


def test_changed_variables_are_a_new_release_that_keeps_the_data(up: Developer, api: Api) -> None:
    issue = api.create("before the release")
    postgres = up.containers()["postgres"].id
    (up.rehearsal.root / ".env.local").write_text("GREETING=another\n")
    up.rehearsal.run("up")
    code, output = up.containers()["api"].exec_run(["cat", "/run/secrets/GREETING"])
    assert (code, output) == (0, b"another")
    assert up.containers()["postgres"].id == postgres
    # Releases do not drain here: what is asked of the container that just went may get no answer.
    seconds_until("the data is there", lambda: api.issue(issue)["title"] == "before the release", 60)  # type: ignore[index]


@pytest.fixture(scope="module")
def another_web(up: Developer) -> Iterator[str]:
    """An image of the web application that is the running one but for a label; its reference.

    It stays as long as a container of it may, for the assets.
    """
    reference = variant(up.containers()["web"], f"{up.stack}-web:2.0.0", {})
    yield reference
    up.client.images.remove(reference, force=True)


def test_a_page_that_fails_is_seen_by_nobody(up: Developer) -> None:
    """More ways of failing: test_failing_releases.py."""
    broken = variant(up.containers()["web"], f"{up.stack}-web:broken", {"/app/dist/web.js": WITHOUT_A_PAGE})
    with up.rehearsal.standing() as deployment:
        file = deployment.project / f"Pulumi.{up.stack}.yaml"
        good = stack_file.images(file)
        stack_file.write_images(file, {"web": broken})
        with Watch(up.target()) as watch, pytest.raises(DeploymentFailed) as failed:
            deployment.up()
        stack_file.write_images(file, good)
    assert watch.lost == []
    assert len(watch.said) == 1, "the page of before, and no other"
    assert "/ answered 500, not 200" in str(failed.value)
    assert "What served before serves. Stopped, with its log (docker logs): web-" in str(failed.value)
    up.client.images.remove(broken, force=True)


def test_a_release_and_the_way_back(up: Developer, another_web: str) -> None:
    before = up.containers()["web"].image.id
    with up.rehearsal.standing() as deployment:
        file = deployment.project / f"Pulumi.{up.stack}.yaml"
        first = stack_file.images(file)
        stack_file.write_images(file, {"web": another_web})
        deployment.up()
        assert up.containers()["web"].image.id != before
        said: list[str] = []
        assert Rollback(deployment, said.append).act("", sure=True)
        releases = Releases.of(deployment)
        recorded = summary.outputs(deployment.resources())["releases"]
    assert up.containers()["web"].image.id == before
    assert [one["images"]["web"] for one in recorded] == [first["web"], another_web, first["web"]]
    newest, second, *_ = releases.updates
    assert newest.images == releases.running == releases.last_good == recorded[0]["images"]
    assert second.images["web"] == another_web
    print(releases.table())
    assert "<- runs <- last good" in releases.table().splitlines()[1]


def test_a_destroy_leaves_nothing(up: Developer) -> None:
    assert {found.split()[1] for found in in_docker(up.stack)} == set(up.left()), "the runner sees them all"
    assert len([name for name in up.left() if name.startswith("web-")]) == 2, "one is kept for its assets"
    up.rehearsal.run("destroy")
    assert up.left() == []
    assert in_docker(up.stack) == []
    names = [container.name for container in up.client.containers.list(all=True)]
    assert not [name for name in names if up.stack in name], "a job's container"
    assert not [left for left in up.files.rglob("*") if left.is_file()], "files that containers mounted"
