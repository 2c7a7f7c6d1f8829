"""The images and the canary of a stack file, written line by line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from operations.stack_file import (
    Unwritable,
    canary,
    images,
    rotations,
    write_canary,
    write_images,
    write_rotations,
)

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


CANARY = {"image": NEW["api"], "share": 5}
LINE = f"    canary: {{image: {NEW['api']}, share: 5}}"


@pytest.mark.parametrize("stack", ["uat", "prod", "local"])
def test_a_canary_comes_and_goes_by_lines_of_its_own(stack: str, tmp_path: Path) -> None:
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
    file = tmp_path / f"Pulumi.{stack}.yaml"
    file.write_text(text)
    assert canary(file) == {}
    write_canary(file, CANARY)
    assert canary(file) == CANARY
    added = [line for line in file.read_text().split("\n") if line not in text.split("\n")]
    assert added == ["  jira-plus-plus:release:", LINE]
    write_canary(file, {**CANARY, "share": 20})
    assert canary(file) == {**CANARY, "share": 20}
    write_canary(file, {})
    assert file.read_text() == text


RELEASE = """config:
  jira-plus-plus:release: # how
    commit: true # at once
{canary}    signed_by: [x]
  b: 1
"""


@pytest.mark.parametrize(
    "written",
    [
        "    canary: {image: a:1, share: 50}\n",
        "    'canary': {image: a:1, share: 50} # why\n",
        "    canary:\n      image: a:1\n\n      # little\n      share: 50\n",
    ],
)
def test_one_that_is_there_is_replaced_however_it_is_written(written: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.uat.yaml"
    file.write_text(RELEASE.format(canary=written))
    write_canary(file, CANARY)
    assert file.read_text() == RELEASE.format(canary=f"{LINE}\n")
    write_canary(file, {})
    assert file.read_text() == RELEASE.format(canary="")


@pytest.mark.parametrize("last", [True, False])
def test_the_last_key_takes_the_section_along(last: bool, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.uat.yaml"
    more = "" if last else "  b: 1\n"
    file.write_text(f"config:\n  a: 1\n  jira-plus-plus:release:\n{LINE}\n{more}")
    write_canary(file, {})
    assert yaml.safe_load(file.read_text()) == {"config": {"a": 1, **({} if last else {"b": 1})}}


def test_a_section_in_one_line_is_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.uat.yaml"
    text = "config:\n  jira-plus-plus:release: {commit: true}\n  jira-plus-plus:images:\n    api: a:1\n"
    file.write_text(text)
    with pytest.raises(
        Unwritable, match=r"Pulumi.uat.yaml: jira-plus-plus:release: canary cannot be written"
    ):
        write_canary(file, CANARY)
    assert file.read_text() == text


@pytest.mark.parametrize("stack", ["uat", "prod", "local"])
def test_rotations_come_behind_the_images_and_rise_in_their_lines(stack: str, tmp_path: Path) -> None:
    text = (ROOT / f"Pulumi.{stack}.yaml").read_text()
    file = tmp_path / f"Pulumi.{stack}.yaml"
    file.write_text(text)
    assert rotations(file) == {}
    write_rotations(file, {"jira": 1, "session": 1})
    added = [line for line in file.read_text().split("\n") if line not in text.split("\n")]
    assert added == [
        "  jira-plus-plus:rotations: # what `make rotate` has raised",
        "    jira: 1",
        "    session: 1",
    ]
    with_comment = file.read_text().replace("    jira: 1\n", "    jira: 1 # a colleague left\n")
    file.write_text(with_comment)
    write_rotations(file, {"jira": 2, "admin": 1})
    assert rotations(file) == {"jira": 2, "session": 1, "admin": 1}
    assert file.read_text() == with_comment.replace(
        "    jira: 1 # a colleague left\n    session: 1\n",
        "    jira: 2 # a colleague left\n    session: 1\n    admin: 1\n",
    )


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  jira-plus-plus:images:\n    api: a:1\n  jira-plus-plus:rotations: {jira: 1}\n",
        "config:\n  jira-plus-plus:rotations: {jira: 1}\n  jira-plus-plus:images:\n    api: a:1\n",
        "config:\n  jira-plus-plus:host: {}\n",
    ],
)
def test_rotations_that_have_no_lines_are_left_as_they_are(text: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.uat.yaml"
    file.write_text(text)
    with pytest.raises(Unwritable, match=r"Pulumi.uat.yaml: jira-plus-plus:rotations: jira cannot be"):
        write_rotations(file, {"jira": 2})
    assert file.read_text() == text
