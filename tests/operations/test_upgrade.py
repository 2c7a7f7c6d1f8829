"""What `make upgrade-postgres` understands, says and refuses, and that it goes back where a deploy fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.services.postgres_major import MOVED
from operations import upgrade
from operations.deployment import DeploymentFailed
from operations.journal import Journal
from operations.restore.job import JobFailed
from operations.upgrade import NoUpgrade, Upgrade

DIGEST = "sha256:" + "a" * 64
BEFORE, AFTER = f"postgres:15.19-bookworm@{DIGEST}", f"postgres:17.6-bookworm@{DIGEST}"
STACK_FILE = """\
config:
  jira-plus-plus:host: {{kind: {kind}}}
  jira-plus-plus:images:
    # kept
    postgres: {image}
    postgres_archiving: ghcr.io/example-org/jira-plus-plus-postgres:15.19-1@{digest}
  jira-plus-plus:backup: {backup}
"""


class Deployment:
    """Of a stack that is up on this machine's Docker; what it is told to do is in `done`."""

    stack = "uat"

    def __init__(self, project: Path, fails: bool = False, **environment: str) -> None:
        self.project, self.environment, self.fails = project, environment, fails
        self.done: list[str] = []
        self.told: dict[str, str] = {}

    def resources(self) -> list[dict[str, Any]]:
        urn = "urn:pulumi:uat::jira-plus-plus"
        containers = {"containers": {"postgres": "postgres-1"}, "docker_host": ""}
        return [
            {"type": "pulumi:pulumi:Stack", "urn": f"{urn}::pulumi:pulumi:Stack::uat", "outputs": containers},
            {
                "type": "docker:index/remoteImage:RemoteImage",
                "urn": f"{urn}::docker:index/remoteImage:RemoteImage::image-postgres",
                "inputs": {"name": BEFORE},
            },
        ]

    @contextmanager
    def way_in(self) -> Iterator[None]:
        yield

    def tell(self, variable: str, value: str) -> None:
        self.told[variable] = value

    def up(self) -> Journal:
        self.done.append(f"up {self.told[MOVED]}")
        if self.fails:
            self.fails = False
            raise DeploymentFailed("postgres: is not healthy", Journal())
        return Journal()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    written(tmp_path)
    return tmp_path


def written(project: Path, image: str = BEFORE, kind: str = "existing", backup: str = "{}") -> Path:
    file = project / "Pulumi.uat.yaml"
    file.write_text(STACK_FILE.format(image=image, kind=kind, backup=backup, digest=DIGEST))
    return file


@pytest.fixture
def machine(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whose Docker answers as Postgres 15, and whose job does what is asked of it."""
    home = project / "home"
    binary = home / "bin" / "docker"
    binary.parent.mkdir(parents=True)
    binary.write_text('#!/bin/sh\n[ "$1" != exec ] || echo 15 300\n')
    binary.chmod(0o755)
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    monkeypatch.setenv("PATH", f"{binary.parent}:/usr/bin:/bin")
    job(home, monkeypatch, 'echo "$@" >>asked')
    monkeypatch.setattr(upgrade, "verify", lambda *_: None)
    return home


def job(home: Path, monkeypatch: pytest.MonkeyPatch, does: str, code: int = 0) -> None:
    script = home / "upgrade.sh"
    script.write_text(f'cd "$(dirname "$0")"; {does}; echo {code} >code; exit {code}\n')
    monkeypatch.setattr(upgrade, "SCRIPT", script)


def asked(home: Path) -> list[str]:
    return (home / "jira-plus-plus" / "upgrade-uat" / "asked").read_text().splitlines()


def test_the_data_are_moved_then_the_file_is_written_then_it_is_deployed(
    project: Path, machine: Path
) -> None:
    deployment, said = Deployment(project), list[str]()
    assert Upgrade(deployment, said.append).act(AFTER, sure=True)  # type: ignore[arg-type]
    assert asked(machine) == [f"uat move {AFTER}"]
    assert deployment.done == ["up 17"]
    assert f"    # kept\n    postgres: {AFTER}\n" in (project / "Pulumi.uat.yaml").read_text()
    words = "\n".join(said)
    assert "from Postgres 15 to 17" in words
    assert "nobody can write for about 35 s meanwhile" in words
    assert "Postgres 17 serves, after" in words


def test_a_number_means_the_image_that_the_file_names_already(project: Path, machine: Path) -> None:
    deployment = Deployment(project)
    with pytest.raises(NoUpgrade, match="write that of 17 there"):
        Upgrade(deployment).act("17", sure=True)  # type: ignore[arg-type]
    written(project, image=AFTER)
    assert Upgrade(deployment).act("17", sure=True)  # type: ignore[arg-type]
    assert asked(machine) == [f"uat move {AFTER}"]


def test_a_deploy_that_fails_is_gone_back_from(project: Path, machine: Path) -> None:
    deployment = Deployment(project, fails=True)
    with pytest.raises(DeploymentFailed):
        Upgrade(deployment).act(AFTER, sure=True)  # type: ignore[arg-type]
    assert asked(machine) == [f"uat move {AFTER}", f"uat back {AFTER}", f"uat open {BEFORE}"]
    assert deployment.done == ["up 17", "up 15"]
    assert BEFORE in (project / "Pulumi.uat.yaml").read_text()


def test_a_move_that_fails_leaves_file_and_stack_alone(
    project: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job(machine, monkeypatch, "echo ERROR: no room", code=1)
    deployment, said = Deployment(project), list[str]()
    with pytest.raises(JobFailed, match="upgrade-uat ended with 1"):
        Upgrade(deployment, said.append).act(AFTER, sure=True)  # type: ignore[arg-type]
    assert said[-1] == "ERROR: no room"
    assert deployment.done == []
    assert BEFORE in (project / "Pulumi.uat.yaml").read_text()


def test_data_that_are_of_this_version_already_are_only_deployed(project: Path, machine: Path) -> None:
    (machine / "bin" / "docker").write_text("#!/bin/sh\necho 17 300\n")
    deployment, said = Deployment(project), list[str]()
    assert Upgrade(deployment, said.append).act(AFTER, sure=True)  # type: ignore[arg-type]
    assert "the data are of 17 already" in said[0]
    assert deployment.done == ["up 17"]


def test_the_way_back_is_to_the_image_that_was_upgraded_from(project: Path, machine: Path) -> None:
    with pytest.raises(NoUpgrade, match="was not upgraded"):
        Upgrade(Deployment(project)).back(sure=True)  # type: ignore[arg-type]
    Upgrade(Deployment(project)).act(AFTER, sure=True)  # type: ignore[arg-type]
    deployment, said = Deployment(project), list[str]()
    assert Upgrade(deployment, said.append).back(sure=True)  # type: ignore[arg-type]
    assert "what was written since is not served any more" in said[0]
    assert asked(machine)[-2:] == [f"uat back {BEFORE}", f"uat open {BEFORE}"]
    assert deployment.done == ["up 15"]


def test_nothing_is_done_unless_the_name_is_typed(
    project: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "prod")
    deployment = Deployment(project)
    assert not Upgrade(deployment).act(AFTER, sure=False)  # type: ignore[arg-type]
    assert deployment.done == []
    assert not (machine / "jira-plus-plus").exists()


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("18", "write that of 18 there"),
        (f"postgres:18.1-bookworm@{DIGEST}", "must be an image whose tag begins with 15, 16, 17"),
        ("postgres", "TO: got postgres; has no tag"),
    ],
)
def test_what_is_no_image_to_go_to_is_refused(project: Path, machine: Path, to: str, words: str) -> None:
    with pytest.raises(NoUpgrade, match=words):
        Upgrade(Deployment(project)).wanted(to)  # type: ignore[arg-type]


def test_a_developers_data_are_not_moved(project: Path) -> None:
    written(project, kind="local")
    with pytest.raises(NoUpgrade, match="its data go with a destroy"):
        Upgrade(Deployment(project))  # type: ignore[arg-type]


def test_with_the_log_archived_it_is_the_image_with_pgbackrest(project: Path) -> None:
    written(project, backup="{point_in_time: {bucket: log}}")
    found = Upgrade(Deployment(project))  # type: ignore[arg-type]
    assert found.image == "postgres_archiving"


def test_of_a_stack_that_is_only_recorded_nothing_is_asked(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not Upgrade(Deployment(project, REHEARSAL_DOCKER="record")).act(AFTER, sure=True)  # type: ignore[arg-type]
    assert "none runs: there is nothing to move" in capsys.readouterr().out
