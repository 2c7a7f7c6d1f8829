"""The local stack of a developer of its own: another name, another port, another folder than any other's."""

from __future__ import annotations

import io
import secrets
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from docker.models.containers import Container

from rehearsal import project
from rehearsal.images import ImageError
from rehearsal.run import Rehearsal
from tests.playbook.graphql import Api
from tests.playbook.target import Target
from tests.ports import free_ports

ROOT = Path(__file__).resolve().parents[3]
VALUE = "canary-of-the-developer"
WITHOUT_A_PAGE = """
import { createServer } from "node:http";
createServer((request, response) => {
  response.writeHead(request.url === "/health" ? 200 : 500);
  response.end();
}).listen(process.env.PORT);
"""
"""In the place of the web application's server: it is well, and serves nothing."""


@dataclass
class Developer:
    """A developer, and what is theirs: a project's folder, sources, a stack that is up."""

    folder: Path
    sources: Path
    files: Path
    """Where the program writes what containers mount."""
    rehearsal: Rehearsal
    output: list[str]
    client: docker.DockerClient

    @property
    def stack(self) -> str:
        return self.rehearsal.stack

    def containers(self) -> dict[str, Container]:
        """Those that run, by service; of two the newer."""
        found = reversed(self.client.containers.list(filters=self._ours))
        return {container.labels["jira-plus-plus.service"]: container for container in found}

    def left(self) -> list[str]:
        """What Docker holds of the stack, stopped containers too."""
        objects = [
            *self.client.containers.list(all=True, filters=self._ours),
            *self.client.networks.list(filters=self._ours),
            *self.client.volumes.list(filters=self._ours),
        ]
        return [found.name for found in objects]

    def health(self) -> str:
        """What the API says of itself, through the proxy."""
        with self.target().http() as client:
            return client.get(f"{self.target().url('api')}/health").text

    def target(self) -> Target:
        return Target.load(self.stack, self.rehearsal.state / "outputs.json", "127.0.0.1")

    @property
    def _ours(self) -> dict[str, str]:
        return {"label": f"jira-plus-plus.stack={self.stack}"}

    def sweep(self) -> None:
        """Removes what a destroy that failed has left."""
        for container in self.client.containers.list(all=True, filters=self._ours):
            container.remove(force=True, v=True)
        for found in (
            *self.client.networks.list(filters=self._ours),
            *self.client.volumes.list(filters=self._ours),
        ):
            found.remove()


@pytest.fixture(scope="module")
def developer(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Developer]:
    """Has made `.env.local` and pointed the API at their sources; the stack is not up yet."""
    with made(client, tmp_path_factory.mktemp("developer"), stack_file()) as found:
        yield found


@contextmanager
def made(client: docker.DockerClient, folder: Path, values: dict[str, Any]) -> Iterator[Developer]:
    """A developer with `values` as stack file, and what they leave is removed."""
    stack = f"local-{secrets.token_hex(3)}"
    sources = folder / "application" / "src"
    shutil.copytree(ROOT / "rehearsal" / "app" / "src", sources)
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in ("__main__.py", "Pulumi.yaml", "requirements.txt", "components"):
        (checkout / name).symlink_to(ROOT / name)
    (checkout / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    (checkout / ".env.local").write_text(f"# mine\nGREETING='{VALUE}'\n")
    output: list[str] = []
    rehearsal = Rehearsal(checkout, stack, say=output.append, show=output.append, state=folder / "state")
    found = Developer(folder, sources, folder / "files", rehearsal, output, client)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(found.files))
        patch.setenv("REHEARSAL_DOCKER", "run")
        try:
            yield found
        finally:
            if found.left():
                rehearsal.run("destroy")
            print("\n".join(output[-300:]))
            found.sweep()
            found.client.close()


def stack_file(*, sources: bool = True) -> dict[str, Any]:
    """`Pulumi.local.yaml` on a free port, with the API from `sources`, and releases that do not drain."""
    (port,) = free_ports(1)
    command = ["node", "--watch", "dist/server.js"]
    source = {"path": "../application/src", "target": "/app/dist", "command": command}
    changes = {
        "host": {"http_port": port},
        "application": {"cors_origins": [f"http://app.localhost:{port}"]},
        "services": {name: {"drain_seconds": 0} for name in ("api", "worker", "web", "temporal_ui")},
        **({"development": {"sources": {"api": source}}} if sources else {}),
    }
    values = yaml.safe_load((ROOT / "Pulumi.local.yaml").read_text())
    config = {f"jira-plus-plus:{section}": value for section, value in changes.items()}
    return project.merge(values, {"config": config})


def variant(of: Container, reference: str, files: Mapping[str, str | bytes]) -> str:
    """An image that is the one of this container but for `files` and a label; its reference."""
    made = of.client.containers.create(of.image.id)
    for path, content in files.items():
        made.put_archive(str(Path(path).parent), archive(Path(path).name, content))
    made.commit(*reference.split(":"), changes='LABEL variant="yes"')
    made.remove()
    return reference


def archive(name: str, content: str | bytes) -> bytes:
    """A tar archive of one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        add(tar, name, content.encode() if isinstance(content, str) else content)
    return out.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """One more file."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


@pytest.fixture(scope="module")
def up(developer: Developer) -> Developer:
    """The stack is up, and a second up has changed nothing."""
    return brought_up(developer)


def brought_up(developer: Developer) -> Developer:
    """Up, and its outputs written down."""
    try:
        developer.rehearsal.run("all")
        developer.rehearsal.run("outputs")
    except ImageError as error:
        pytest.skip(str(error))
    return developer


@pytest.fixture(scope="module")
def api(up: Developer) -> Iterator[Api]:
    with up.target().http() as client:
        yield Api(up.target(), client).login()
