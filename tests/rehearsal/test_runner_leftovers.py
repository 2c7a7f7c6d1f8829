"""The ssh files of a rehearsed stack go with it, and no others."""

import json
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.host.keys import ssh_folder
from rehearsal.leftovers import forget_ssh_files

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def test_every_key_that_the_stack_ever_had_goes_and_those_of_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))
    folder = tmp_path / ".ssh" / "jira-plus-plus"
    backend = tmp_path / "state" / "backend" / ".pulumi"
    history, stacks = backend / "history" / "jira-plus-plus" / "uat", backend / "stacks" / "jira-plus-plus"
    history.mkdir(parents=True)
    stacks.mkdir(parents=True)
    cut_off = {"outputs": {"folder": "~/.ssh/jira-plus-plus/0a0a0a0a0a0a"}}  # before its first outputs
    earlier = {"outputs": {"publicKeyOpenssh": f"{PUBLIC_KEY}\n"}}  # and before the folder is named
    (stacks / "uat.json").write_text(json.dumps([cut_off, earlier]))
    (folder / "0a0a0a0a0a0a").mkdir(parents=True)
    (tmp_path / ssh_folder(PUBLIC_KEY).removeprefix("~/")).mkdir(parents=True)
    for number, key in enumerate(("0123456789ab", "ba9876543210", "000000000000")):
        (folder / key).mkdir(parents=True)
        (folder / key / "id_ed25519").touch()
        if number < 2:
            output = f"ssh -o IdentityFile=~/.ssh/jira-plus-plus/{key}/id_ed25519 deploy@127.77.0.2"
            (history / f"uat-{number}.checkpoint.json").write_text(json.dumps({"ssh": output}))
    forget_ssh_files(tmp_path / "state")
    assert [path.name for path in folder.iterdir()] == ["000000000000"]
    forget_ssh_files(tmp_path / "no rehearsal")
