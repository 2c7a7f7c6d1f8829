"""A local stack whose images are other ones again and again, and what a release of them did."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
import pytest

from operations import stack_file
from operations.deployment import Deployment, DeploymentFailed
from tests.live.local.conftest import Developer, add, brought_up, made, variant
from tests.live.local.conftest import stack_file as values
from tests.live.local.watch import Watch

SERVICES = ("api", "worker", "web", "temporal-ui")
CANARY = "api-canary"


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

    def built(self, service: str, steps: str) -> str:
        """An image that steps of a Dockerfile make of the running one; a reference that Docker has."""
        reference = f"{self.developer.stack}-{service}:{len(self._made)}"
        running = self.developer.containers()[service].image.id
        file = io.BytesIO(f"FROM {running}\n{steps}".encode())
        self.developer.client.images.build(fileobj=file, tag=reference, rm=True)
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
        services = (*SERVICES, CANARY)
        return {
            name for service in services for name, state in self.states(service).items() if state == "running"
        }

    def kept(self) -> str | None:
        """The container that serves nothing any more but its assets; None: there is none."""
        (file,) = self.developer.files.glob("jira-plus-plus/*/traefik-dynamic/servers.yaml")
        services = json.loads(file.read_text())["http"]["services"]
        before, new = (
            urlsplit(services[name]["loadBalancer"]["servers"][0]["url"]).hostname
            for name in ("web-before", "web")
        )
        return before if before != new else None

    def states(self, service: str) -> dict[str, str]:
        """The state of each container of a service, by its name, but for one that is kept."""
        return {name: state for name, state in self.all(service).items() if name != self.kept()}

    def all(self, service: str) -> dict[str, str]:
        """The same with it."""
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
        """Removes the images, once no container is left."""
        for reference in self._made:
            self.developer.client.images.remove(reference, force=True)


def read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


@contextmanager
def standing(client: docker.DockerClient, folder: Path, services: Mapping[str, Any]) -> Iterator[Stack]:
    """One that is up, with these settings of its services besides those of every test."""
    settings = values(sources=False)
    settings["config"]["jira-plus-plus:services"] |= services
    with made(client, folder, settings) as developer:
        brought_up(developer)
        with developer.rehearsal.standing() as deployment:
            found = Stack(developer, deployment)
            try:
                yield found
            finally:
                stack_file.write_images(found.file, found.good)
    found.forget()
