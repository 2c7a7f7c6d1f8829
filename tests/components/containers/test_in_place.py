"""Files that change while they are mounted: the folder stays, each file is whole, what is over goes."""

import os
import subprocess
from pathlib import Path

import pytest

from components.containers.in_place import script

FILES = {"/run/roles/jira": "first", "/run/roles/temporal": "another"}


def write(folder: Path, files: dict[str, str], text: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-s", "--", str(folder), f"{os.getuid()}:{os.getgid()}"],
        input=text or script(files),
        text=True,
        check=False,
        capture_output=True,
    )


def content(folder: Path) -> dict[str, str]:
    return {f"/{path.relative_to(folder)}": path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_changed_file_is_another_one_in_the_same_folder(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "postgres-passwords"
    assert write(folder, FILES).returncode == 0
    assert content(folder) == FILES
    mounted, kept = (folder / "run/roles").stat().st_ino, (folder / "run/roles/jira").open()
    changed = {**FILES, "/run/roles/jira": "second"}
    assert write(folder, changed).returncode == 0
    assert content(folder) == changed
    assert (folder / "run/roles").stat().st_ino == mounted, "a container has it mounted"
    with kept:
        assert kept.read() == "first", "who reads it has one or the other, whole"


def test_what_is_no_longer_among_them_goes_and_so_does_what_was_left_unfinished(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "postgres-passwords"
    write(folder, {**FILES, "/run/roles/gone": "a secret of before"})
    (folder / ".unfinished-abcdef").mkdir()
    (folder / ".unfinished-abcdef" / "jira").write_text("a secret of a run that was killed")
    assert write(folder, FILES).returncode == 0
    assert content(folder) == FILES
    assert [path.name for path in folder.iterdir()] == ["run"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "postgres-passwords"
    write(folder, FILES)
    broken = script({"/run/roles/jira": "second"}).replace("QlpoOT", "QlpoOU")
    assert write(folder, {}, broken).returncode != 0
    assert content(folder) == FILES


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: gives files to another user")
def test_as_root_they_belong_to_the_containers_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "postgres-passwords"
    for _ in range(2):
        subprocess.run(["sh", "-s", "--", str(folder), "999:998"], input=script(FILES), text=True, check=True)
        for path in (folder, *folder.rglob("*")):
            assert (path.stat().st_uid, path.stat().st_gid) == (999, 998), path
            assert path.stat().st_mode & 0o777 == (0o500 if path.is_dir() else 0o400), path


def test_without_root_they_are_readable_in_a_folder_that_only_its_user_enters(tmp_path: Path) -> None:
    folder = tmp_path / "files" / "postgres-passwords"
    identity = tmp_path / "id"
    identity.write_text("#!/bin/sh\necho 1000\n")
    identity.chmod(0o755)
    subprocess.run(
        ["sh", "-s", "--", str(folder), "999:999"],
        input=script(FILES),
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert folder.parent.stat().st_mode & 0o777 == 0o700, "others on this machine must not read the secrets"
    assert (folder / "run/roles/jira").stat().st_mode & 0o777 == 0o444, "the container's user is another one"
