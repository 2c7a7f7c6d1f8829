"""A developer's variables and sources: in the local stack's application, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from components.settings.env_file import GIVEN
from rehearsal.declared.packed import files
from rehearsal.declared.platform import CANARY, TELLING, commands, containers, declare
from rehearsal.declared.recording import Recorded

PROCESSES = ("api", "worker", "migration")


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "src").mkdir()
    return {"path": "src", "target": "/app/dist", "command": ["node", "--watch", "dist/server.js"]}


def given(recorded: Recorded, service: str) -> str:
    """What the container's files are written from: secret, on a command's stdin."""
    command = commands(recorded)[f"{service}-files"]
    return "\n".join(f"{path.lstrip('/')}={content}" for path, content in files(command).items())


def test_variables_reach_api_worker_and_migration_as_secrets(project_folder: Path) -> None:
    (project_folder / ".env.local").write_text(f"MAIL_PASSWORD={CANARY}mail\n")
    recorded = declare("local")
    for service in PROCESSES:
        assert f"run/secrets/MAIL_PASSWORD={CANARY}mail" in given(recorded, service)
        assert "stdin" in commands(recorded)[f"{service}-files"].secrets
    assert "MAIL_PASSWORD" not in given(recorded, "web"), "it serves files to everyone and needs none"
    for resource in recorded.resources:
        clear = {name: value for name, value in resource.inputs.items() if name not in resource.secrets}
        assert f"{CANARY}mail" not in str(clear), resource.name


def test_without_the_file_nothing_is_added() -> None:
    recorded = declare("local")
    for service in PROCESSES:
        names = {line.split("=")[0] for line in given(recorded, service).splitlines() if "=" in line}
        assert {name for name in names if name.startswith("run/secrets/")} == {
            "run/secrets/DATABASE_URL",
            "run/secrets/SESSION_SECRET",
            "run/secrets/ADMIN_PASSWORD",
        }


@pytest.mark.parametrize("stack", ["uat", "prod"])
def test_a_server_gets_none_of_it(project_folder: Path, stack: str) -> None:
    (project_folder / ".env.local").write_text("MAIL_HOST=mail.example.com\n")
    recorded = declare(stack)
    assert not any("MAIL_HOST" in given(recorded, service) for service in (*PROCESSES, "web"))
    assert not any("MAIL_HOST" in str(resource.inputs) for resource in recorded.resources)


def test_every_name_that_the_program_gives_is_refused_in_the_file() -> None:
    recorded = declare("local", TELLING)
    names: set[str] = set()
    for service in ("api", "worker"):
        names |= {pair.split("=")[0] for pair in containers(recorded)[service].inputs["envs"]}
    for word in commands(recorded)["migration"].inputs["create"].split():
        if word.startswith("--env="):
            names.add(word.removeprefix("--env=").split("=")[0])
    for service in PROCESSES:
        for line in given(recorded, service).splitlines():
            if line.startswith("run/secrets/"):
                names.add(line.removeprefix("run/secrets/").split("=")[0])
    assert names == GIVEN.keys(), "else a developer's line would override it, or is refused for nothing"


def test_a_service_runs_from_sources(sources: dict[str, Any], project_folder: Path) -> None:
    recorded = declare("local", {"development.sources.api": sources})
    api = containers(recorded)["api"].inputs
    assert api["entrypoints"][-3:] == ["node", "--watch", "dist/server.js"]
    (mount,) = (m for m in api["mounts"] if m["target"] == "/app/dist")
    assert mount["source"] == str(project_folder / "src")
    assert mount["type"] == "bind"
    assert mount["readOnly"] is True
    labels = {label["label"] for label in api["labels"]}
    assert "jira-local.autoheal" not in labels, "a mistake in the sources is no reason for restarts"
    worker = containers(recorded)["worker"].inputs
    assert "/app/dist" not in {m["target"] for m in worker["mounts"]}
    assert worker["entrypoints"][-2:] == ["node", "dist/worker.js"], "the others run from their image"
    assert "--watch" not in commands(recorded)["migration"].inputs["create"]


def test_all_three_may_run_from_sources_and_are_hardened_as_ever(sources: dict[str, Any]) -> None:
    recorded = declare("local", {f"development.sources.{name}": sources for name in ("api", "worker", "web")})
    for name in ("api", "worker", "web"):
        container = containers(recorded)[name].inputs
        assert container["entrypoints"][-3:] == ["node", "--watch", "dist/server.js"]
        assert container["readOnly"] is True
        assert container["capabilities"] == {"drops": ["ALL"]}


def test_without_sources_they_run_from_their_image() -> None:
    recorded = declare("local")
    for name in ("api", "worker", "web"):
        targets = {str(mount["target"]) for mount in containers(recorded)[name].inputs["mounts"]}
        assert targets <= {"/run/jira", "/run/secrets"}
