"""What a killed run left in Docker, asked of Docker itself."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.journal import Intent
from operations.orphans import CLOCK_SKEW, Context
from operations.orphans.docker import DockerHost

pytestmark = pytest.mark.live

LABEL = "--label=jira-plus-plus.stack=orphans"
CREATE = {
    "Container": ("container", "create", LABEL, "--name"),
    "Network": ("network", "create", LABEL),
    "Volume": ("volume", "create", LABEL),
}


@pytest.fixture
def name() -> Iterator[str]:
    name = f"orphan-{uuid.uuid4().hex[:8]}"
    yield name
    for kind in CREATE:
        docker(kind.lower(), "rm", name, check=False)


def docker(*arguments: str, check: bool = True) -> str:
    run = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    assert not check or run.returncode == 0, run.stderr
    return run.stdout.strip()


def intent(kind: str, name: str) -> Intent:
    return Intent(f"urn::{kind}::{name}", f"docker:index/{kind.lower()}:{kind}", {"name": name}, "")


def run_of(since: datetime) -> Context:
    """A run that began then and was cut off a moment ago."""
    return Context(frozenset(), since, datetime.now(UTC), {})


def is_there(kind: str, name: str) -> bool:
    return bool(docker(kind.lower(), "inspect", name, "--format={{.Name}}", check=False))


@pytest.fixture
def image() -> Iterator[str]:
    """An empty one: nothing of it runs."""
    image = f"jira-plus-plus/empty:{uuid.uuid4().hex[:8]}"
    docker("import", "/dev/null", image)
    yield image
    docker("image", "rm", "--force", image)


@pytest.mark.parametrize("kind", CREATE)
def test_what_a_killed_run_made_is_removed(kind: str, name: str, image: str) -> None:
    began = datetime.now(UTC)
    docker(*CREATE[kind], name, *((image, "sleep") if kind == "Container" else ()))
    removed = DockerHost().remove(intent(kind, name), run_of(began))
    assert name in (removed or "")
    assert not is_there(kind, name)
    assert DockerHost().remove(intent(kind, name), run_of(began)) is None


def test_a_volume_that_the_state_knows_stays(name: str) -> None:
    began = datetime.now(UTC)
    docker(*CREATE["Volume"], name)
    assert (
        DockerHost().remove(intent("Volume", name), replace(run_of(began), known=frozenset({name}))) is None
    )
    assert is_there("Volume", name)


def test_a_volume_that_was_there_before_the_run_stays(name: str) -> None:
    """Docker takes it over as it is, and its data is somebody's."""
    docker(*CREATE["Volume"], name)
    later = datetime.now(UTC) + CLOCK_SKEW + timedelta(minutes=1)
    assert DockerHost().remove(intent("Volume", name), Context(frozenset(), later, later, {})) is None
    assert is_there("Volume", name)


def test_a_volume_that_another_run_has_made_since_stays(name: str) -> None:
    docker(*CREATE["Volume"], name)
    ended = datetime.now(UTC) - timedelta(minutes=1)
    assert DockerHost().remove(intent("Volume", name), Context(frozenset(), ended, ended, {})) is None
    assert is_there("Volume", name)


def test_a_volume_that_a_container_has_stays(name: str, image: str) -> None:
    began = datetime.now(UTC)
    docker(*CREATE["Container"], name, f"--mount=type=volume,source={name},target=/data", image, "sleep")
    with pytest.raises(subprocess.CalledProcessError, match="docker"):
        DockerHost().remove(intent("Volume", name), run_of(began))
    assert is_there("Volume", name)
