"""The ssh files on the machine that runs the program."""

import os
import pwd
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.host.keys import UNUSED_DAYS, ssh_folder, write_ssh_files


def test_keys_of_stacks_that_no_longer_run_here_are_forgotten_at_the_next_run_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))
    ours, recent, stale = (ssh_folder(f"ssh-ed25519 {name}") for name in ("ours", "recent", "stale"))
    not_ours = tmp_path / ".ssh" / "jira-plus-plus" / "of a person"
    for folder in (ours, recent, stale):
        write_ssh_files(folder, "private", "known")
    not_ours.mkdir()
    for name, days in ((ours, UNUSED_DAYS + 1), (recent, UNUSED_DAYS - 1), (stale, UNUSED_DAYS + 1)):
        then = time.time() - days * 86400
        os.utime(tmp_path / name.removeprefix("~/"), (then, then))
    os.utime(not_ours, (0, 0))

    write_ssh_files(ours, "private", "known")

    left = {f"~/.ssh/jira-plus-plus/{path.name}" for path in not_ours.parent.iterdir()}
    assert left == {ours, recent, f"~/.ssh/jira-plus-plus/{not_ours.name}"}
    assert (tmp_path / ours.removeprefix("~/") / "id_ed25519").stat().st_mode & 0o777 == 0o600
