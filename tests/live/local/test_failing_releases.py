"""Releases that fail, each in its way, on containers that run: who uses the stack meanwhile notices nothing.

After each the next deploy of a good image is one command, and leaves one container of each service.
"""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping

import docker
import pytest
from pulumi.automation import CommandError

from operations import stack_file
from operations.deployment import Deployment, DeploymentFailed
from tests.engine.lab import kill_engines
from tests.engine.moments import Step
from tests.live.local.conftest import WITHOUT_A_PAGE, Developer, add, brought_up, made, variant
from tests.live.local.conftest import stack_file as values
from tests.live.local.watch import Watch

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(600)]

SERVICES = ("api", "worker", "web", "temporal-ui")
LATE = 'setTimeout(() => process.exit(7), 1000); console.log("no key for the licence, giving up");'
NEVER_READY = """
import { createServer } from "node:http";
console.log("the cache is cold");
createServer((request, response) => {
  response.writeHead(request.url === "/health" ? 200 : 503);
  response.end();
}).listen(process.env.PORT);
"""


class Stack:
    """A local stack, its images, and what a release did."""

    def __init__(self, developer: Developer, deployment: Deployment) -> None:
        self.developer, self.deployment = developer, deployment
        self.file = deployment.project / f"Pulumi.{developer.stack}.yaml"
        self.good = stack_file.images(self.file)
        self._made: list[str] = []

    def image(self, service: str, files: Mapping[str, str | bytes], architecture: str | None = None) -> str:
        """An image that is the running one but for `files`; a reference that Docker has."""
        reference = f"{self.developer.stack}-{service}:{len(self._made)}"
        variant(self.developer.containers()[service], reference, files)
        if architecture:
            self._of(reference, architecture)
        self._made.append(reference)
        return reference

    def _of(self, reference: str, architecture: str) -> None:
        """Rewrites what the image says of its architecture, as another build would have it."""
        saved = b"".join(self.developer.client.images.get(reference).save(named=True))
        self.developer.client.images.remove(reference)
        new = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(saved)) as old, tarfile.open(fileobj=new, mode="w") as out:
            manifest = json.loads(read(old, "manifest.json"))
            config = json.loads(read(old, manifest[0]["Config"]))
            text = json.dumps({**config, "architecture": architecture}).encode()
            manifest[0]["Config"] = "config.json"
            add(out, "config.json", text)
            add(out, "manifest.json", json.dumps(manifest).encode())
            for layer in manifest[0]["Layers"]:
                add(out, layer, read(old, layer))
        self.developer.client.images.load(new.getvalue())

    def release(self, **images: str) -> None:
        """`up` with these images, and the good ones for the rest."""
        stack_file.write_images(self.file, {**self.good, **images})
        self.deployment.up()

    def fails(self, **images: str) -> str:
        """A release that has to fail, while nobody notices; what is said."""
        before = self.running()
        with Watch(self.developer.target()) as watch, pytest.raises(DeploymentFailed) as failed:
            self.release(**images)
        assert watch.lost == []
        assert before <= self.running(), "what served before serves"
        assert watch.asked > 50
        print(f"{watch.asked} requests were answered meanwhile")
        return str(failed.value)

    def converges(self) -> None:
        """A good release, which nobody notices, and after which all is as it should be."""
        with Watch(self.developer.target()) as watch:
            self.release()
        assert watch.lost == []
        assert watch.asked > 50
        assert {service: len(self.states(service)) for service in SERVICES} == dict.fromkeys(SERVICES, 1)
        assert not self.deployment.preview().changes, "a second up has nothing to do"

    def running(self) -> set[str]:
        """The containers that run, of all services."""
        return {
            name for service in SERVICES for name, state in self.states(service).items() if state == "running"
        }

    def states(self, service: str) -> dict[str, str]:
        """The state of each container of a service, by its name."""
        found = self.developer.client.containers.list(
            all=True,
            filters={
                "label": [
                    f"jira-plus-plus.stack={self.developer.stack}",
                    f"jira-plus-plus.service={service}",
                ]
            },
        )
        return {container.name: container.status for container in found}

    def forget(self) -> None:
        for reference in self._made:
            self.developer.client.images.remove(reference, force=True)


def read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


@pytest.fixture(scope="module")
def stack(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = values(sources=False)
    settings["config"]["jira-plus-plus:services"]["migration"] = {"timeout_seconds": 20}
    with made(client, tmp_path_factory.mktemp("releases"), settings) as developer:
        brought_up(developer)
        with developer.rehearsal.standing() as deployment:
            found = Stack(developer, deployment)
            try:
                yield found
            finally:
                stack_file.write_images(found.file, found.good)
        found.forget()


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
