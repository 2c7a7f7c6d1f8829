"""The images of a stack file, written line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.stack_file import Unwritable, images, write_images

ROOT = Path(__file__).resolve().parents[2]
NEW = {"api": f"ghcr.io/x/api:2.0.0@sha256:{'1' * 64}", "web": f"ghcr.io/x/web:2.0.0@sha256:{'2' * 64}"}


@pytest.mark.parametrize("stack", ["uat", "prod", "local"])
def test_nothing_but_these_lines_changes(stack: str, tmp_path: Path) -> None:
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
    file = tmp_path / f"Pulumi.{stack}.yaml"
    file.write_text(text)
    before = images(file)
    write_images(file, NEW)
    assert images(file) == {**before, **NEW}
    changed = [
        (old, new)
        for old, new in zip(text.split("\n"), file.read_text().split("\n"), strict=True)
        if old != new
    ]
    assert [new for _, new in changed] == [f"    {name}: {reference}" for name, reference in NEW.items()]
    assert [old for old, _ in changed] == [f"    {name}: {before[name]}" for name in NEW]


@pytest.mark.parametrize(
    "line",
    ['    api: "a:1" # why', "    api: 'a:1' # why", "    'api': a:1 # why", "    api:   a:1 # why"],
)
def test_quotes_and_a_comment_behind_it(line: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.uat.yaml"
    file.write_text(
        "config:\n  other:\n    api: b:1\n  jira-plus-plus:images: # ours\n"
        f"    # first\n\n{line}\n  # last\n  jira-plus-plus:x:\n    api: c:1\n"
    )
    write_images(file, {"api": NEW["api"]})
    assert images(file) == {"api": NEW["api"]}
    written = file.read_text()
    assert written.count(NEW["api"]) == 1
    assert all(kept in written for kept in ("# ours", "# first", "# last", "api: b:1", "api: c:1"))
    assert (" # why\n" in written) == ("# why" in line)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "  jira-plus-plus:images: {api: a:1}",
            r"Pulumi.uat.yaml: jira-plus-plus:images: api, web cannot be",
        ),
        ("  jira-plus-plus:images:\n    api: a:1", r"Pulumi.uat.yaml: jira-plus-plus:images: web cannot be"),
        ("  jira-plus-plus:domain: {}", r"Pulumi.uat.yaml: there is no section jira-plus-plus:images"),
        ("  - [", r"Pulumi.uat.yaml: no valid YAML"),
    ],
)
def test_what_it_cannot_write_it_leaves_as_it_was(section: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.uat.yaml"
    file.write_text(f"config:\n{section}\n")
    with pytest.raises(Unwritable, match=message):
        write_images(file, NEW)
    assert file.read_text() == f"config:\n{section}\n"
