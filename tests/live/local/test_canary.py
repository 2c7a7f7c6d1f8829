"""A canary on containers that run, under steady requests: it comes, has its share, is promoted or goes.

In the order of the file.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import docker
import pytest

from operations import stack_file
from operations.deployment import DeploymentFailed
from tests.live.local.stack import Stack, standing
from tests.live.local.watch import Watch

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.timeout(600)]

SHARE = 25
SOURCE = 'status: "ok", service: name'
FORBIDDEN = 'console.log("it was not to migrate"); process.exit(3);'
CRASHES = 'console.log("no key for the licence, giving up"); process.exit(7);'
FUSSY = """
import { createServer } from "node:http";
createServer((request, response) => {
  response.writeHead(request.headers.host.startsWith("127.0.0.1") ? 200 : 500);
  response.end("fussy");
}).listen(process.env.PORT);
"""
"""In the place of the API's server: it is well by its own checks, and answers nobody else."""
METRICS = "fetch('http://jira-{stack}-traefik:8082/metrics').then(async (r) => console.log(await r.text()))"
COUNTED = re.compile(
    r'^traefik_service_requests_total\{.*service="(api[^"]*)@file"\} ([0-9.e+]+)$', re.MULTILINE
)


@pytest.fixture(scope="module")
def stack(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with standing(client, tmp_path_factory.mktemp("canary"), {}) as found:
        yield found


def build(stack: Stack, name: str, files: dict[str, str] | None = None) -> str:
    """Another build of the API, which says its name at /health."""
    text = (stack.developer.sources / "service.js").read_text()
    assert SOURCE in text
    named = text.replace(SOURCE, f'{SOURCE}, build: "{name}"')
    return stack.image("api", {"/app/dist/service.js": named, **(files or {})})


def canary(stack: Stack, image: str, share: int = SHARE) -> None:
    stack_file.write_canary(stack.file, {"image": image, "share": share})


def asked(stack: Stack, times: int, cookie: str = "") -> list[tuple[str, str]]:
    """Who answered each of so many clients (`first`: the build of the beginning), and the cookie it gave."""
    target = stack.developer.target()
    found = []
    for _ in range(times):
        with target.http() as client:
            answer = client.get(f"{target.url('api')}/health", headers={"cookie": cookie} if cookie else {})
        assert answer.status_code == 200
        given = answer.headers.get("set-cookie", "").partition(";")[0]
        found.append((answer.json().get("build", "first"), given))
    return found


def counted(stack: Stack) -> dict[str, float]:
    """What Traefik's metrics count of requests to the API, by its service."""
    script = METRICS.format(stack=stack.developer.stack)
    code, text = stack.developer.containers()["api"].exec_run(["node", "-e", script])
    assert code == 0, text
    found: dict[str, float] = {}
    for service, number in COUNTED.findall(text.decode()):
        found[service] = found.get(service, 0) + float(number)
    return found


def test_it_comes_unnoticed_and_has_its_share_of_the_clients_each_of_which_stays(stack: Stack) -> None:
    canary(stack, build(stack, "second", {"/app/dist/migrate.js": FORBIDDEN}))
    before = stack.states("api")
    with Watch(stack.developer.target()) as watch:
        stack.deployment.up()
        time.sleep(2)  # some of what is asked is the canary's by now
    assert watch.lost == []
    assert watch.asked > 50
    clients = asked(stack, 100)
    assert stack.states("api") == before, "the API itself is not touched"
    assert len(stack.states("api-canary")) == 1
    answers = [name for name, _ in clients]
    assert set(answers) == {"first", "second"}
    # It counts what others ask, too, as a check of the last release's does: one more or less.
    assert abs(answers.count("second") - SHARE) <= 1, "the balancer counts, and throws no dice"
    for name in ("first", "second"):
        cookie = next(given for answered, given in clients if answered == name)
        assert set(asked(stack, 15, cookie)) == {(name, "")}
    assert not stack.deployment.preview().changes, "a second up has nothing to do"


def test_it_is_told_apart_in_metrics_and_logs(stack: Stack) -> None:
    before = counted(stack)
    answers = [name for name, _ in asked(stack, 40)]
    after = counted(stack)
    assert after["api-canary"] - before["api-canary"] == answers.count("second") == 40 * SHARE // 100
    assert after["api-stable"] - before["api-stable"] == answers.count("first")
    log = [json.loads(line) for line in stack.developer.containers()["traefik"].logs().splitlines()[-60:]]
    names = {line["ServiceName"] for line in log if line.get("RequestHost") == "api.localhost"}
    assert names == {"api-stable@file", "api-canary@file"}
    said = stack.developer.containers()["api-canary"].logs().decode()
    assert "api listens" in said
    assert "migrat" not in said


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (CRASHES, "ended 3 times, with code 7: it is stopped, and what served before serves on"),
        (FUSSY, "/health answered 500, not 200"),
    ],
    ids=["crashes", "answers nobody"],
)
def test_one_that_fails_takes_no_traffic_and_that_is_told(stack: Stack, server: str, said: str) -> None:
    good = stack_file.canary(stack.file)
    there = stack.running()
    canary(stack, stack.image("api", {"/app/dist/server.js": server}))
    with Watch(stack.developer.target()) as watch, pytest.raises(DeploymentFailed) as failed:
        stack.deployment.up()
    stack_file.write_canary(stack.file, good)
    assert watch.lost == []
    assert said in str(failed.value)
    assert "api-canary-" in str(failed.value)
    assert there <= stack.running(), "what served before serves"
    states = list(stack.states("api-canary").values())
    assert states.count("running") == 1
    assert "exited" in states, "its log stays"
    assert {name for name, _ in asked(stack, 20)} == {"first", "second"}, "the canary of before has its share"


def test_another_takes_its_place_and_is_promoted(stack: Stack) -> None:
    third = build(stack, "third")
    canary(stack, third)
    with Watch(stack.developer.target()) as watch:
        stack.deployment.up()
    assert watch.lost == []
    assert {name for name, _ in asked(stack, 20)} == {"first", "third"}
    assert list(stack.states("api-canary").values()) == ["running"], "those before it are gone"
    (cookie,) = {given for name, given in asked(stack, 20) if name == "third"}

    stack_file.write_canary(stack.file, {})
    with Watch(stack.developer.target()) as watch:
        stack.release(api=third)
    assert watch.lost == []
    assert set(asked(stack, 20)) == {("third", "")}, "without a canary there is no cookie"
    assert set(asked(stack, 10, cookie)) == {("third", "")}
    assert stack.states("api-canary") == {}
    assert list(stack.states("api").values()) == ["running"]
    assert not stack.deployment.preview().changes


def test_one_is_taken_back(stack: Stack) -> None:
    canary(stack, build(stack, "fourth"), 50)
    with Watch(stack.developer.target()) as watch:
        stack.deployment.up()
        assert {name for name, _ in asked(stack, 60)} == {"third", "fourth"}
        api = stack.states("api")
        stack_file.write_canary(stack.file, {})
        stack.deployment.up()
    assert watch.lost == []
    assert {name for name, _ in asked(stack, 20)} == {"third"}
    assert stack.states("api-canary") == {}
    assert stack.states("api") == api, "the API itself was not touched"
    assert not stack.deployment.preview().changes
