"""Masked rows by a real bucket, another one than that of the copies: out, and in at the other side."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.s3 import S3Server
from tests.components.backup.test_masked import PASSPHRASE, RULES, SCHEMA, written
from tests.components.backup.test_offsite import restic, variables
from tests.components.services.conftest import Server, give

__all__ = ["restic"]

pytestmark = pytest.mark.live

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def both(server: Server, storage: S3Server, restic: Path) -> tuple[Run, Run, Path]:
    """As the container runs that copies and exports, as that which takes, and the first one's backups."""
    assert server.make_roles().returncode == 0
    server.sql("jira", SCHEMA)
    folder = server.folder / "both"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("backups", "other"):
        (folder / name).mkdir(parents=True)
    (folder / "rules").write_text(written(RULES))
    (folder / "authority.pem").write_text(storage.ca_pem)
    give(folder)
    masked = {
        "MASKED_ACCESS_KEY": storage.access_key,
        "MASKED_AUTHORITY": str(folder / "authority.pem"),
        "MASKED_PASSPHRASE": PASSPHRASE,
        "MASKED_REPOSITORY": f"s3:{storage.endpoint}/masked/masked",
        "MASKED_SECRET_KEY": storage.secret_key,
    }
    # Those of the copies lead nowhere: nothing of an export may go by them.
    given = {
        **variables(server, folder / "backups", Path("/nowhere"), restic),
        "AWS_ACCESS_KEY_ID": "copies",
        "AWS_DEFAULT_REGION": "nowhere-1",
        "AWS_SECRET_ACCESS_KEY": "copies",
        "DATABASES": "jira",
        "RESTIC_CACERT": "/nowhere",
    }

    def runs(environment: dict[str, str]) -> Run:
        def run(*arguments: str, script: str = "masked.sh", **changes: str):  # type: ignore[no-untyped-def]
            return server.run("bash", script, *arguments, environment={**environment, **changes})

        return run

    other = {
        name: value for name, value in given.items() if not name.startswith(("AWS_", "RESTIC_", "PGPASSWORD"))
    }
    return (
        runs({**given, **masked, "MASKED_RULES": str(folder / "rules")}),
        runs({**other, **masked, "BACKUPS": str(folder / "other")}),
        folder / "backups",
    )


def test_what_is_exported_at_one_side_is_fetched_at_the_other(
    both: tuple[Run, Run, Path], storage: S3Server
) -> None:
    here, there, backups = both
    assert here("scheduled", script="backup.sh").returncode == 0
    storage.fault("full", count=1000)
    failed = here("export", LIMIT="8", OPEN_SECONDS="8")
    assert failed.returncode != 0
    assert "No space left on device." in json.loads((backups / "masked-failure.json").read_text())["reason"]
    assert there("list").stdout.strip() in ("", "[]")
    storage.fault(None)
    done = here("export")
    assert done.returncode == 0, done.stderr
    (snapshot,) = json.loads(there("list").stdout)
    (name,) = (tag[5:] for tag in snapshot["tags"] if tag.startswith("name="))
    for fault in ("full", "cut"):  # it may read only, and is read in pieces
        storage.fault(fault, count=2)  # type: ignore[arg-type]
        fetched = there("fetch", name, "jira")
        assert fetched.returncode == 0, fetched.stderr
    assert "jira: fetched" in fetched.stdout
