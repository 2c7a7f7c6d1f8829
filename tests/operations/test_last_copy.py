"""Before a stack goes its data are off the machine, or it does not go."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from operations.deployment import DeploymentFailed
from operations.last_copy import CONTAINER, before_destroy
from operations.place import Place

STACK = {
    "type": "pulumi:pulumi:Stack",
    "urn": "stack",
    "outputs": {"containers": {"backup": "jira-uat-backup"}},
}


def backup(*variables: str) -> dict[str, Any]:
    return {
        "type": CONTAINER,
        "urn": "backup",
        "outputs": {"name": "jira-uat-backup", "envs": ["BACKUPS=/backups", *variables]},
    }


@pytest.fixture
def destroy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], list[str]]]:
    """The commands and the words before a destroy, where the container answers with `script`."""

    def run(
        *resources: dict[str, Any], script: str = "true", protected: tuple[str, ...] = (), mode: str = "run"
    ) -> tuple[list[str], list[str]]:
        commands: list[str] = []
        said: list[str] = []

        def popen(command: str, **options: Any) -> subprocess.Popen[bytes]:
            commands.append(command)
            return subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, **options)

        monkeypatch.setattr(Place, "of", lambda _: SimpleNamespace(popen=popen))
        before_destroy(
            SimpleNamespace(  # type: ignore[arg-type]
                environment={"REHEARSAL_DOCKER": mode},
                protected=lambda: list(protected),
                resources=lambda: list(resources),
                way_in=nullcontext,
                say=said.append,
            )
        )
        return commands, said

    return run


def test_a_backup_is_made_and_copied_by_the_container_that_has_the_keys(destroy: Callable[..., Any]) -> None:
    commands, said = destroy(STACK, backup("RESTIC_REPOSITORY=s3:x"), script="echo is off the machine")
    (command,) = commands
    assert command.startswith("docker exec jira-uat-backup /bin/sh /run/jira/entrypoint.sh -- sh -c ")
    assert "backup.sh manual && bash /etc/jira/offsite.sh push" in command
    assert said[1] == "  is off the machine"
    assert "FROM=former" in said[-1]


@pytest.mark.parametrize("both", [False, True])
def test_the_log_leaves_as_well(destroy: Callable[..., Any], both: bool) -> None:
    variables = ["RESTIC_REPOSITORY=s3:x"] if both else []
    ((command,), _) = destroy(STACK, backup("ARCHIVE=uat", *variables))
    assert command.endswith("bash /etc/jira/archive.sh last' 2>&1")
    assert ("offsite.sh push && " in command) == both


def test_a_copy_that_does_not_come_about_leaves_everything_where_it_is(destroy: Callable[..., Any]) -> None:
    with pytest.raises(DeploymentFailed) as raised:
        destroy(STACK, backup("RESTIC_REPOSITORY=s3:x"), script="echo ERROR: the bucket is gone; exit 1")
    assert str(raised.value).startswith(
        "nothing was destroyed: the last copy of the data did not come about: ERROR: the bucket is gone. Mend"
    )
    assert "COPY=no" in str(raised.value)


@pytest.mark.parametrize(
    ("resources", "given"),
    [
        ((STACK, backup("PGHOST=postgres")), {}),
        ((backup("RESTIC_REPOSITORY=s3:x"),), {}),
        ((), {}),
        ((STACK, backup("RESTIC_REPOSITORY=s3:x")), {"protected": ("host-server",)}),
        ((STACK, backup("RESTIC_REPOSITORY=s3:x")), {"mode": "record"}),
    ],
    ids=["no bucket", "never up", "nothing", "protected", "recorded"],
)
def test_where_nothing_is_to_be_copied_nobody_is_asked(
    destroy: Callable[..., Any], resources: tuple[dict[str, Any], ...], given: dict[str, Any]
) -> None:
    assert destroy(*resources, **given) == ([], [])
