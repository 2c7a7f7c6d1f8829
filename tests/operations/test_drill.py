"""`make drill`: one of each kind now at the server, with its progress, its page, and a code that tells."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operations.drill import Drill, JobFailed, NoDrill, act, make
from operations.last_copy import CONTAINER
from operations.notices import Telling

STACK = {
    "type": "pulumi:pulumi:Stack",
    "urn": "urn:pulumi:uat::jira-plus-plus::pulumi:pulumi:Stack::uat",
    "outputs": {"containers": {"backup": "jira-uat-backup"}, "docker_host": ""},
}
COPYING = {
    "type": CONTAINER,
    "urn": "backup",
    "outputs": {"name": "jira-uat-backup", "envs": ["BACKUPS=/backups", "RESTIC_REPOSITORY=s3:x"]},
}
BOTH = COPYING | {
    "outputs": {
        "name": "jira-uat-backup",
        "envs": ["BACKUPS=/backups", "RESTIC_REPOSITORY=s3:x", "ARCHIVE=uat"],
    }
}
# Only `docker exec` of that container: of its shim the words after it, of its script the test's.
DOCKER = """#!/bin/bash
[[ $1 == exec && $2 == jira-uat-backup ]] || { echo "no such container: $*" >&2; exit 1; }
shift 2
if [[ $1 == /bin/sh ]]; then [[ $2 == /run/jira/entrypoint.sh && $3 == -- ]] || exit 1; shift 3; fi
[[ $1 == bash && $2 == /etc/jira/drill.sh ]] || exit 1
exec bash "$SCRIPT" "$3" "$4"
"""


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[str]]]:
    """The exit code and the words of `make drill`, where `script` is the container's."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "docker").write_text(DOCKER)
    (tmp_path / "bin" / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("SCRIPT", str(tmp_path / "script"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def run(
        script: str,
        *resources: dict[str, Any],
        show: bool = False,
        mode: str = "run",
        kind: str | None = None,
    ) -> tuple[int, list[str]]:
        (tmp_path / "script").write_text(script)
        said: list[str] = []
        deployment = SimpleNamespace(
            stack="uat",
            environment={"REHEARSAL_DOCKER": mode},
            resources=lambda: list(resources or (STACK, COPYING)),
        )
        return act(Drill(deployment, said.append, kind), show=show), said  # type: ignore[arg-type]

    return run


GOOD = 'if [[ $1 == show ]]; then echo "# was good"; else echo restoring; fi'
BAD = 'if [[ $1 == show ]]; then echo "# failed"; exit 1; else echo "ERROR: no" >&2; exit 1; fi'


def test_one_is_made_with_its_progress_and_then_its_page(drill: Callable[..., Any]) -> None:
    assert drill(GOOD) == (0, ["restoring", "# was good"])


def test_one_that_failed_ends_with_1_and_has_a_page_as_well(drill: Callable[..., Any]) -> None:
    assert drill(BAD) == (1, ["ERROR: no", "# failed"])


@pytest.mark.parametrize(("script", "code"), [(GOOD, 0), (BAD, 1)])
def test_the_last_one_is_shown_without_another(drill: Callable[..., Any], script: str, code: int) -> None:
    assert drill(script, show=True) == (code, ["# failed" if code else "# was good"])


EACH = 'if [[ $1 == show ]]; then echo "# the $2"; else echo "restoring the $2"; [[ $2 != copies ]]; fi'


def test_each_kind_that_the_stack_has_is_drilled_and_one_that_failed_counts(
    drill: Callable[..., Any],
) -> None:
    assert drill(EACH, STACK, BOTH) == (
        1,
        ["restoring the copies", "# the copies", "restoring the log", "# the log"],
    )
    assert drill(EACH, STACK, BOTH, kind="log") == (0, ["restoring the log", "# the log"])
    assert drill(EACH, STACK, BOTH, show=True) == (0, ["# the copies", "# the log"])


def test_one_that_was_ended_from_outside_is_no_verdict(drill: Callable[..., Any]) -> None:
    with pytest.raises(JobFailed, match="drill-uat-copies ended with 143"):
        drill("exit 143")


@pytest.mark.parametrize(
    ("resources", "kind", "words"),
    [
        ((COPYING,), None, "uat is not up: `make deploy STACK=uat`"),
        (
            (STACK,),
            None,
            r"uat keeps no copies of the dumps and no log of the database off the machine.*"
            r"\(backup.offsite, backup.point_in_time\)",
        ),
        ((STACK, COPYING), "log", r"uat keeps no log of the database off.*\(backup.point_in_time\)"),
    ],
)
def test_what_is_missing_is_said(
    drill: Callable[..., Any], resources: tuple[dict[str, Any], ...], kind: str | None, words: str
) -> None:
    with pytest.raises(NoDrill, match=words):
        drill(GOOD, *resources, kind=kind)


def test_of_a_stack_that_is_only_recorded_nothing_is_asked(drill: Callable[..., Any]) -> None:
    code, said = drill("echo asked", mode="record")
    assert code == 0
    assert len(said) == 1
    assert "recorded only" in said[0]


@pytest.mark.parametrize(("script", "code", "sign"), [(GOOD, 0, "✅"), (BAD, 1, "❌")])
def test_who_is_to_be_told_hears_what_it_has_come_to(
    drill: Callable[..., Any],
    script: str,
    code: int,
    sign: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = "# The drill of the copies of uat failed\n\njira: no room.\n\n| | |\n|---|---|\n"
    drill(script.replace("# was good", page).replace("# failed", page), show=True)  # puts the script there
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(Telling, "on", True)
    monkeypatch.setattr(Telling, "_channels", [])
    monkeypatch.setattr(Telling, "tell", lambda _, notice: heard.append((notice.sign, notice.text())))
    (tmp_path / "Pulumi.uat.yaml").write_text("config: {}\n")
    deployment = SimpleNamespace(
        stack="uat",
        project=tmp_path,
        environment={},
        resources=lambda: [STACK, COPYING],
        way_in=nullcontext,
    )
    assert make(deployment, lambda _: None) == code  # type: ignore[arg-type]
    assert [one for one, _ in heard] == ["▶", sign]
    assert heard[-1][1].endswith("The drill of the copies of uat failed\njira: no room.")
