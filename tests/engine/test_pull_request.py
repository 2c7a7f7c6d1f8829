"""The rehearsed diff of a pull request, through the command that the workflow runs."""

from __future__ import annotations

import pwd
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from rehearsal.diff import diff
from rehearsal.run import RehearsalFailed
from tests.engine.lab import ROOT

pytestmark = pytest.mark.engine

PARTS = (
    "__main__.py",
    "Pulumi.yaml",
    "Pulumi.local.yaml",
    "requirements.txt",
    "components",
    "rehearsal/overrides",
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with our program, as a pull request finds it."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path / "home")))
    monkeypatch.setenv("REHEARSAL_DOCKER", "record")
    root = tmp_path / "checkout"
    for part in PARTS:
        target = root / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / part, target)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for words in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "--message=base"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def test_the_diff_of_a_pull_request_names_what_it_changes_and_nothing_else(checkout: Path) -> None:
    stack_file = checkout / "Pulumi.local.yaml"
    values = yaml.safe_load(stack_file.read_text())
    values["config"]["jira-plus-plus:images"]["web"] = "ghcr.io/example-org/jira-plus-plus-web:1.1.0"
    stack_file.write_text(yaml.safe_dump(values))

    said: list[str] = []
    with pytest.raises(RehearsalFailed, match="--base nonesuch"):
        diff(checkout, "local", "nonesuch", said.append)
    diff(checkout, "local", "HEAD", said.append)

    text = (checkout / ".rehearsal" / "local" / "preview.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert rows == [
        "| ± | `image-web` | docker RemoteImage | `name` |",
        "| ± | `web` | docker Container | `image` |",
    ], text
    assert "**2 to replace, " in text
    assert "jira-plus-plus-web:1.1.0" in text
    assert not (checkout / ".rehearsal" / "local.diff").exists(), "what was brought up for it is gone"
