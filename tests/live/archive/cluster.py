"""A database whose log is archived, with its backup, as the program starts them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rehearsal.declared.stacks import SECRETS
from rehearsal.s3 import S3Server
from rehearsal.storage import Storage

BUCKET = "log"
ARCHIVE_SECONDS = 10
PSQL = ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d")


@dataclass(frozen=True)
class Cluster:
    """The containers `postgres` and `backup` of a stack."""

    stack: str
    storage: S3Server

    def container(self, service: str) -> str:
        """The id of the one that runs."""
        labels = [f"--filter=label=jira-plus-plus.{k}" for k in (f"stack={self.stack}", f"service={service}")]
        return subprocess.check_output(["docker", "ps", "--quiet", *labels], text=True).strip()

    def run(
        self, service: str, *command: str, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command in one of them."""
        given = [f"--env={name}={value}" for name, value in variables.items()]
        return subprocess.run(
            ["docker", "exec", "-i", *given, self.container(service), *command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def sql(self, statement: str, database: str = "jira") -> str:
        """What the server answers its superuser."""
        done = self.run("postgres", *PSQL, database, stdin=statement)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def script(self, name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a script of the backup's, in its container."""
        return self.run("backup", *called(name), *arguments, **variables)

    def with_another_passphrase(self, words: str) -> subprocess.CompletedProcess[str]:
        """Runs a script of the backup's, `archive.sh list` say, as if that of the log were another one."""
        other = (
            "mkdir -p /tmp/other; cp /run/secrets/PGBACKREST_* /tmp/other; chmod u+w /tmp/other/*;"
            "printf another-one >/tmp/other/PGBACKREST_REPO1_CIPHER_PASS;"
            f"SECRETS=/tmp/other bash /etc/jira/{words}; code=$?; rm -rf /tmp/other; exit $code"
        )
        return self.run("backup", "bash", "-c", other)

    def text(self, path: str) -> str:
        """A file among the backups; empty if it is not there."""
        return self.run("backup", "cat", f"/backups/{path}").stdout

    def archived(self) -> None:
        """Waits until all that was committed is off the machine."""
        file = self.sql("select pg_walfile_name(pg_switch_wal())")
        eventually(lambda: self.sql(f"select last_archived_wal >= '{file}' from pg_stat_archiver") == "t")

    @property
    def identity(self) -> str:
        """The cluster's own."""
        return self.sql("select system_identifier from pg_control_system()")

    def objects(self, pattern: str) -> list[Path]:
        """The files of this cluster's objects in the bucket, oldest first."""
        return sorted((self.storage.folder / BUCKET / self.stack).glob(pattern.format(self.identity)))

    @property
    def log_files(self) -> list[Path]:
        """Those of the log among the objects, oldest first."""
        return [path for path in self.objects("archive/{}/15-1/*/*") if path.suffix == ".zst"]


def flipped(path: Path) -> None:
    """A bit in the middle of the file is another one."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def called(script: str) -> tuple[str, ...]:
    """The command of a script of the backup's, in its container, with the secrets that it has there."""
    return ("/bin/sh", "/run/jira/entrypoint.sh", "--", "bash", f"/etc/jira/{script}")


def eventually(holds: Callable[[], bool], seconds: float = 120, every: float = 0.3) -> None:
    """Waits for it; looks more often for what may be over in a moment."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(every)


def storage_of(home: Path, whose: str) -> Storage:
    """A storage whose keys are the stack's secrets of that name: `archive`, `offsite`."""
    free = Storage.of(home)
    keys = {key: SECRETS[f"{whose}_{key}"] for key in ("access_key", "secret_key")}
    (home / "account.json").write_text(json.dumps({**keys, "port": free.port}))
    return Storage.of(home)


def settings(storage: S3Server) -> dict[str, object]:
    """What a stack file says to archive there."""
    return {
        "backup.point_in_time": {
            "endpoint": storage.endpoint,
            "bucket": BUCKET,
            "certificate_authority": storage.ca_pem,
            "archive_seconds": ARCHIVE_SECONDS,
        }
    }
