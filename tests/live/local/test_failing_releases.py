"""Releases that fail, each in its way, on containers that run: who uses the stack meanwhile notices nothing.

After each the next deploy of a good image is one command, and leaves one container of each service.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import docker
import pytest
from pulumi.automation import CommandError

from operations import stack_file
from operations.deployment import DeploymentFailed
from tests.engine.lab import kill_engines
from tests.engine.moments import Step
from tests.live.local.conftest import WITHOUT_A_PAGE
from tests.live.local.stack import Stack, standing
from tests.live.local.watch import Watch

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(600)]

LATE = 'setTimeout(() => process.exit(7), 1000); console.log("no key for the licence, giving up");'
NEVER_READY = """
import { createServer } from "node:http";
console.log("the cache is cold");
createServer((request, response) => {
  response.writeHead(request.url === "/health" ? 200 : 503);
  response.end();
}).listen(process.env.PORT);
"""


@pytest.fixture(scope="module")
def stack(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with standing(
        client, tmp_path_factory.mktemp("releases"), {"migration": {"timeout_seconds": 20}}
    ) as found:
        yield found


@pytest.fixture(autouse=True)
def afterwards(stack: Stack) -> Iterator[None]:
    """What every failure must leave possible."""
    yield
    stack.converges()


def stopped(stack: Stack, service: str) -> None:
    """Of two containers one runs, and the other was stopped and is still there with its log."""
    assert sorted(stack.states(service).values()) == ["exited", "running"]


@pytest.mark.parametrize("service", ["api", "worker"])
def test_an_image_that_crashes(stack: Stack, service: str) -> None:
    entry = {"api": "server", "worker": "worker"}[service]
    said = stack.fails(**{service: stack.image(service, {f"/app/dist/{entry}.js": LATE})})
    assert "ended 3 times, with code 7: it is stopped, and what served before serves on" in said
    assert "| no key for the licence, giving up" in said
    assert "make rollback" in said
    stopped(stack, service)


def test_an_image_that_does_not_become_ready(stack: Stack) -> None:
    said = stack.fails(api=stack.image("api", {"/app/dist/server.js": NEVER_READY}))
    assert "was not well within 120 s (its check: http://127.0.0.1:4000/ready: 503): it is stopped" in said
    assert "| the cache is cold" in said
    stopped(stack, "api")


def test_a_page_that_fails_behind_the_proxy(stack: Stack) -> None:
    """Its container is well, and so are the API's and the worker's, which are stopped with it."""
    names = {name: stack.image(name, {}) for name in ("api", "worker")}
    said = stack.fails(**names, web=stack.image("web", {"/app/dist/web.js": WITHOUT_A_PAGE}))
    assert "http://candidate-web-" in said
    assert "answered 500, not 200" in said
    assert "What served before serves. Stopped, with its log (docker logs): api-" in said
    for service in ("api", "worker", "web"):
        stopped(stack, service)


def test_an_image_that_cannot_be_pulled(stack: Stack) -> None:
    said = stack.fails(api="127.0.0.1:5077/nobody/has-this:1.0.0")
    assert "127.0.0.1:5077/nobody/has-this:1.0.0" in said
    assert len(stack.states("api")) == 1


def test_an_image_of_another_architecture(stack: Stack) -> None:
    other = "arm64" if stack.developer.client.version()["Arch"] == "amd64" else "amd64"
    reference = stack.image("api", {}, other)
    said = stack.fails(api=reference)
    assert f"images.api is for linux/{other}, and the server is linux/" in said
    assert len(stack.states("api")) == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            'console.log("column issue.due exists already"); process.exit(3);',
            "column issue.due exists already",
        ),
        ("setInterval(() => {}, 1000);", "124"),
    ],
    ids=["fails", "hangs"],
)
def test_a_migration_that(stack: Stack, script: str, expected: str) -> None:
    said = stack.fails(api=stack.image("api", {"/app/dist/migrate.js": script}))
    assert expected in said
    assert len(stack.states("api")) == 1, "its code did not get as far as a container"


@pytest.mark.parametrize(
    "moment",
    [
        Step("update", "migration", ended=True),
        Step("create-replacement", "api"),
        Step("create-replacement", "api-healthy"),
        Step("create-replacement", "worker-healthy", ended=True),
        Step("update", "cutover"),
        Step("update", "cutover", ended=True),
        Step("update", "release-good"),
    ],
    ids=str,
)
def test_an_up_that_is_killed(stack: Stack, moment: Step) -> None:
    images = {name: stack.image(name, {}) for name in ("api", "worker", "web")}
    stack_file.write_images(stack.file, {**stack.good, **images})
    before = stack.running()
    with Watch(stack.developer.target()) as watch:
        killed(stack, moment)
        time.sleep(3)
    assert watch.lost == []
    if moment.name not in ("cutover", "release-good"):
        assert before <= stack.running(), "what served before serves"


def killed(stack: Stack, moment: Step) -> None:
    """Kills the engine of an up, as hard as a machine's end would, at this moment."""
    over, reached = threading.Event(), threading.Event()
    with moment.watch() as seen:

        def wait() -> None:
            while not over.wait(0.01):
                if seen():
                    reached.set()
                    kill_engines()
                    return

        watcher = threading.Thread(target=wait)
        watcher.start()
        try:
            with pytest.raises((DeploymentFailed, CommandError)):
                stack.deployment.up()
        finally:
            over.set()
            watcher.join()
    assert reached.is_set(), f"{moment} never came"
