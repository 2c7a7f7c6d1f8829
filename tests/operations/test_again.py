"""Whether a run is the last one again."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.again import Again


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A program with one module, and two stacks."""
    folder = tmp_path / "project"
    (folder / "components" / "host").mkdir(parents=True)
    for name in ("__main__.py", "Pulumi.yaml", "Pulumi.uat.yaml", "Pulumi.prod.yaml", "components/host/a.py"):
        (folder / name).write_text(name)
    return folder


def again(project: Path, stack: str = "uat", **environment: str) -> Again:
    state = {"XDG_STATE_HOME": str(project.parent / "state"), "PULUMI_BACKEND_URL": "file:///state"}
    return Again(project, stack, Path("/engine"), {**state, **environment})


def test_only_what_went_well_is_the_last_run(project: Path) -> None:
    assert not again(project)
    again(project).begin()
    assert not again(project)
    again(project).end()
    assert again(project)
    again(project).begin()
    assert not again(project), "until it has gone well, too"


@pytest.mark.parametrize("changed", ["__main__.py", "Pulumi.yaml", "Pulumi.uat.yaml", "components/host/a.py"])
def test_another_program_or_another_stack_file_is_another_run(project: Path, changed: str) -> None:
    again(project).end()
    (project / changed).write_text("another")
    assert not again(project)


def test_a_new_or_renamed_module_is_another_run(project: Path) -> None:
    again(project).end()
    (project / "components" / "host" / "a.py").rename(project / "components" / "host" / "b.py")
    assert not again(project)


def test_another_stack_and_another_state_have_notes_of_their_own(project: Path) -> None:
    again(project).end()
    assert not again(project, "prod")
    assert not again(project, PULUMI_BACKEND_URL="s3://elsewhere")
    (project / "Pulumi.prod.yaml").write_text("another")
    (project / "components" / "__pycache__").mkdir()
    (project / "components" / "__pycache__" / "a.cpython-311.pyc").write_text("")
    assert again(project), "what the run is not made of changes nothing"
