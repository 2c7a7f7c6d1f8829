"""The ssh files of a rehearsed stack go with it, and no others."""

import json
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from rehearsal import ssh_files


def test_every_key_that_the_stack_ever_had_goes_and_those_of_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path)))
    folder = tmp_path / ".ssh" / "jira-plus-plus"
    history = tmp_path / "state" / "backend" / ".pulumi" / "history" / "jira-plus-plus" / "uat"
    history.mkdir(parents=True)
    for number, key in enumerate(("0123456789ab", "ba9876543210", "000000000000")):
        (folder / key).mkdir(parents=True)
        (folder / key / "id_ed25519").touch()
        if number < 2:
            output = f"ssh -o IdentityFile=~/.ssh/jira-plus-plus/{key}/id_ed25519 deploy@127.77.0.2"
            (history / f"uat-{number}.checkpoint.json").write_text(json.dumps({"ssh": output}))
    ssh_files.forget(tmp_path / "state")
    assert [path.name for path in folder.iterdir()] == ["000000000000"]
    ssh_files.forget(tmp_path / "no rehearsal")
