"""The rehearsed diff of a pull request, through the command that the workflow runs."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from operations.changes import markdown
from rehearsal import background
from rehearsal.diff import diff
from rehearsal.run import Rehearsal, RehearsalFailed
from tests.engine.conftest import Bring
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
    _install_plugins_that_dial(tmp_path / "official", monkeypatch)
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


def _install_plugins_that_dial(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Official ones of a developer who has deployed before: no recorded server answers them."""
    folder.mkdir()
    for name in ("command", "docker"):
        plugin = folder / f"pulumi-resource-{name}"
        plugin.write_text(
            "#!/bin/sh\necho 'after 40 failed attempts: ssh: handshake failed: EOF' >&2\nexit 1\n"
        )
        plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def state(checkout: Path) -> Iterator[Path]:
    """The folder of the checkout's `local`, rehearsed and left up, as a developer has it."""
    rehearsal = Rehearsal(checkout, "local", say=str, show=str)
    try:
        rehearsal.run("up")
        yield rehearsal.state
    finally:
        background.stop(rehearsal.state)


def kept(folder: Path) -> dict[str, bytes]:
    """What the rehearsal in `folder` keeps, by path, without what the diff is written to."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "preview.md"
    }


def test_the_diff_of_a_pull_request_names_what_it_changes_and_leaves_the_rehearsal_that_is_up(
    checkout: Path, state: Path
) -> None:
    running, before = background.find(state), kept(state)
    assert running
    assert any(path.startswith("docker/") for path in before), "it has recorded containers"
    stack_file = checkout / "Pulumi.local.yaml"
    values = yaml.safe_load(stack_file.read_text())
    values["config"]["jira-plus-plus:images"]["web"] = "ghcr.io/example-org/jira-plus-plus-web:1.1.0"
    stack_file.write_text(yaml.safe_dump(values))

    said: list[str] = []
    with pytest.raises(RehearsalFailed, match="--base nonesuch"):
        diff(checkout, "local", "nonesuch", said.append)
    diff(checkout, "local", "HEAD", said.append)

    text = (state / "preview.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[2:3] == [
        "| `web` | beside the one that runs, then the traffic is switched, "
        "all but what only the former one has of assets | none | image 1.0.0 → 1.1.0 |"
    ], text
    assert "- **Data**: no migration runs\n- **No way back**: nothing\n" in text
    # Two commands wait for the same image, and begin in either order.
    assert sorted(rows[5:]) == sorted(
        [
            "| ± | `image-web` | docker RemoteImage | `name` |",
            "| ~ | `release-begun` | command Command | `create` |",
            "| ~ | `image-platform` | command Command | `create` |",
            "| ± | `web` | docker Container | `image` |",
            "| ± | `web-healthy` | command Command | `create`, `triggers[0]` |",
            "| ~ | `cutover` | command Command | `create`, `stdin` |",
            "| ~ | `release-good` | command Command | `create` |",
        ]
    ), text
    assert "**4 to change, 3 to replace, " in text
    assert "jira-plus-plus-web:1.1.0" in text
    assert not (checkout / ".rehearsal" / "local.diff").exists(), "what was brought up for it is gone"
    assert kept(state) == before
    assert background.find(state) == running


def test_another_major_version_of_postgres_is_shown_with_what_must_be_done_before(checkout: Path) -> None:
    stack_file = checkout / "Pulumi.local.yaml"
    stack_file.write_text(re.sub(r"postgres:15\S+", "postgres:17.6-bookworm", stack_file.read_text()))
    diff(checkout, "local", "HEAD", str)
    text = (checkout / ".rehearsal" / "local" / "preview.md").read_text()
    assert (
        "> ❌ As if the data were moved already; if they are not: images.postgres: it is Postgres 17" in text
    )
    assert "| ± | `postgres` | docker Container | `image`" in text


def test_a_diff_on_a_base_that_does_not_come_up_is_no_success_and_says_so_in_its_comment(
    checkout: Path,
) -> None:
    program = checkout / "__main__.py"
    sound = program.read_text()
    program.write_text('raise ValueError("the base is broken")\n')
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *who, "commit", "--quiet", "--all", "--message=broken"], cwd=checkout, check=True)
    program.write_text(sound)

    with pytest.raises(RehearsalFailed, match=r"(?s)HEAD does not come up.*the base is broken"):
        diff(checkout, "local", "HEAD", str)

    heading, _, note, _, counts, *_ = (
        (checkout / ".rehearsal" / "local" / "preview.md").read_text().splitlines()
    )
    assert heading == "### Rehearsed preview of `local`"
    assert note.startswith("> ❌ HEAD does not come up, so what it lacks shows as new: ")
    assert "the base is broken" in note
    assert " to create" in counts, "and still what an up would do"


def test_a_changed_network_shows_as_the_old_rule_for_ssh_and_the_new_one(bring: Bring) -> None:
    lab = bring("uat")
    changed = lab.deployment("uat", {"host.ssh.allowed_networks": ["198.51.100.0/24"]})
    text = markdown("uat", changed.preview())
    rules = re.findall(
        r'^([-+])   rules\[\d\]: \{"description": "(.*?)", .* "port": "(\d*)"', text, re.MULTILINE
    )
    assert sorted(rules) == [("+", "ssh", "22"), ("-", "ssh", "22")], text
    assert "__defaults" not in text
