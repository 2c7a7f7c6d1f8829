"""A database in a folder, as a server has it, and the container that has the backup's scripts, both real."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.backup import scripts
from components.services.connections import connections
from components.services.postgres import DATA, roles
from components.settings.services import Services
from operations.restore import SHARED
from operations.upgrade import SCRIPT

GUARD = Path(__file__).parents[3] / "components" / "services" / "data-guard.sh"
ROLES = GUARD.with_name("roles.sh")
SECRETS = ("postgres", "jira", "migration", "temporal", "backup")


def docker(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments], input=stdin, capture_output=True, text=True, timeout=300, check=False
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Disk:
    """The data disk of a stack, and what runs on it."""

    stack: str
    root: Path
    before: str
    """The image that has made the cluster."""
    after: str

    @property
    def folder(self) -> Path:
        """The cluster's."""
        return self.root / "data" / "postgres"

    @property
    def home(self) -> Path:
        """Where the script is, and what it remembers."""
        return self.root / "home"

    @property
    def server(self) -> str:
        return f"jira-{self.stack}-postgres"

    def serve(self, image: str) -> None:
        """The server of that image on the folder, as `postgres.py` has it, in the place of the one before."""
        docker("rm", "--force", self.server, check=False)
        docker(
            *("run", "--detach", f"--name={self.server}", "--user=999:999", "--network=none", "--read-only"),
            *("--cap-drop=ALL", "--tmpfs=/tmp", "--tmpfs=/var/run/postgresql:mode=1777", "--shm-size=64m"),
            *(f"--label=jira-plus-plus.stack={self.stack}", "--label=jira-plus-plus.service=postgres"),
            f"--mount=type=bind,source={self.folder},target={DATA}",
            f"--mount=type=bind,source={self.root / 'secrets'},target=/run/roles,readonly",
            f"--mount=type=bind,source={ROLES},target=/etc/jira/roles.sh,readonly",
            *(f"--env=PGDATA={DATA}", "--env=POSTGRES_PASSWORD_FILE=/run/roles/postgres"),
            "--env=POSTGRES_INITDB_ARGS=--data-checksums --encoding=UTF8 --locale=C.UTF-8"
            " --auth-local=trust --auth-host=scram-sha-256",
            *("--entrypoint=docker-entrypoint.sh", image, "postgres", "-c", "listen_addresses=*"),
        )
        for _ in range(300):
            asked = ["docker", "exec", self.server, "pg_isready", "-q", "-h", "127.0.0.1"]
            if subprocess.run(asked, check=False).returncode == 0:
                break
        else:
            raise AssertionError(docker("logs", self.server))
        docker("exec", self.server, *roles(connections(Services())))

    def sql(self, statements: str, database: str = "jira", user: str = "postgres", check: bool = True) -> str:
        """What the server answers over TCP, with that user's password: as an application asks."""
        return docker(
            *("exec", "-i", f"--env=PGPASSWORD={user}'s word", self.server),
            *("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", user, "-d", database),
            stdin=statements,
            check=check,
        )

    def script(self, step: str, image: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a step; `image` is by default the one to go to."""
        return subprocess.run(
            self.command(step, image),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.home), **variables},
        )

    def command(self, step: str, image: str = "") -> list[str]:
        return ["bash", str(self.home / SCRIPT.name), self.stack, step, image or self.after]

    def guard(self, image: str) -> subprocess.CompletedProcess[str]:
        """What the deploy of that image asks before it stops a server."""
        return subprocess.run(
            ["sh", "-s", "--", str(self.folder), image, self.stack],
            input=GUARD.read_text(),
            capture_output=True,
            text=True,
            check=False,
        )

    def listed(self) -> list[str]:
        """The folders beside each other, without the time in their names."""
        return sorted(path.name.partition("_")[0] for path in self.folder.parent.iterdir() if path.is_dir())


@contextmanager
def stood(before: str, after: str) -> Iterator[Disk]:
    """A disk with the databases and roles of a stack, made by the image `before`."""
    stack = f"upgrade-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory(prefix=f"{stack}-", ignore_cleanup_errors=True) as folder:
        disk = Disk(stack, Path(folder), before, after)
        disk.root.chmod(0o755)
        disk.folder.mkdir(parents=True)
        shutil.chown(disk.folder, 999, 999)
        disk.home.mkdir()
        (disk.root / "secrets").mkdir()
        for name in SECRETS:
            (disk.root / "secrets" / name).write_text(f"{name}'s word")
        (disk.root / "scripts").mkdir()
        for path, text in scripts.DUMPS.items():
            (disk.root / "scripts" / Path(path).name).write_text(text)
        for path in (SCRIPT, SHARED):
            shutil.copy(path, disk.home)
        backup = f"jira-{stack}-backup"
        try:
            disk.serve(disk.before)
            docker(
                *("run", "--detach", f"--name={backup}", "--network=none", f"--tmpfs={DATA}"),
                *(f"--label=jira-plus-plus.stack={stack}", "--label=jira-plus-plus.service=backup"),
                f"--mount=type=bind,source={disk.root / 'scripts'},target=/etc/jira,readonly",
                *("--tmpfs=/backups", "--entrypoint=sleep", disk.before, "infinity"),
            )
            yield disk
        finally:
            docker(
                "rm", "--force", "--volumes", disk.server, backup, f"jira-{stack}-postgres-next", check=False
            )
