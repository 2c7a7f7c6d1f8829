"""A server with a backup of it, and containers of which only the processes are real."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from components.services.postgres import DATABASES
from tests.components.backup.test_backup import back_up
from tests.components.services.conftest import BINARIES, Server, as_user, give, server

__all__ = ["server"]

SCRIPT = Path(__file__).parents[3] / "operations" / "restore" / "restore.sh"
ISSUES = (
    "create table issues (id serial primary key, title text);"
    "insert into issues (title) select 'issue ' || i from generate_series(1, 5000) i"
)


@dataclass
class Place:
    """Where a stack's containers run: `running`, `resting` and `asked` in its folder are Docker's."""

    server: Server
    backups: Path
    folder: Path
    changes: dict[str, str] = field(default_factory=dict)
    """Of the script's environment."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:{BINARIES}:/usr/bin:/bin",
            "PLACE": str(self.folder),
            "SOCKET": str(self.server.folder),
            "PGPORT": str(self.server.port),
            "PGDATA": str(self.server.folder),
            "DUMPS": str(self.backups),
            "SCRIPTS": str(self.server.folder),
            "PATIENCE_SECONDS": "2",
            **self.changes,
        }

    def restore(
        self,
        source: str = "",
        databases: tuple[str, ...] = ("jira",),
        into: str = "",
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Runs the script; `source` is by default the only dump's name."""
        return subprocess.run(
            self.command(source, databases, into),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )

    def command(self, source: str, databases: tuple[str, ...], into: str) -> list[str]:
        script = str(self.folder / SCRIPT.name)
        return [*as_user(), "bash", script, "uat", source or self.dump().stem, into, *databases]

    def dump(self) -> Path:
        (dump,) = (self.backups / "jira").glob("*.dump")
        return dump

    def step(self, name: str, script: str) -> None:
        """One of the program's commands that follow; they run as the server's superuser."""
        (self.folder / name).write_text(f"export PGHOST={self.server.folder} PGUSER=postgres\n{script}\n")

    def asked(self) -> list[str]:
        """What Docker was told to do."""
        path = self.folder / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def running(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "running").iterdir())

    def databases(self) -> list[str]:
        listed = self.server.sql(
            "postgres", "select datname from pg_database where datname ~ '^jira|^temp' order by 1"
        )
        return [name for name in listed.splitlines() if not name.startswith("template")]

    def issues(self, database: str = "jira") -> int:
        return int(self.server.sql(database, "select count(*) from issues"))


@pytest.fixture(scope="module")
def dumped(server: Server) -> Path:
    """A folder with one backup of 5,000 issues and Temporal's databases; nobody writes to it."""
    assert server.make_roles().returncode == 0
    server.sql("jira", ISSUES, user="jira")
    server.sql("postgres", "alter database jira set jira_plus_plus.release = 'then'")
    folder = server.folder / "dumped"
    folder.mkdir()
    give(folder)
    done = back_up(server, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def place(server: Server, dumped: Path) -> Iterator[Place]:
    """Of the issues that were dumped 10 are left."""
    backups = server.folder / "backups"
    shutil.rmtree(backups, ignore_errors=True)
    shutil.copytree(dumped, backups)
    give(backups)
    found = placed(server, backups)
    server.sql(
        "postgres", "alter database jira reset all; alter database jira set jira_plus_plus.release = 'now'"
    )
    server.sql(
        "jira", f"drop table if exists issues; {ISSUES}; delete from issues where id > 10", user="jira"
    )
    yield found
    for name in found.databases():
        if name not in DATABASES:
            server.sql("postgres", f'drop database "{name}" with (force)')


def placed(server: Server, backups: Path, name: str = "place") -> Place:
    """Containers around a server, those of a whole stack; in that folder."""
    folder = server.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("bin", "running", "resting", "health"):
        (folder / part).mkdir(parents=True)
    for container in ("postgres-1", "backup-1", "api-1", "api-2", "worker-1", "temporal-1"):
        (folder / "running" / container).touch()
    shutil.copy(SCRIPT, folder)
    shutil.copy(SCRIPT.with_name("server.sh"), folder)
    shutil.copy(Path(__file__).with_name("docker.sh"), folder / "bin" / "docker")
    (folder / "bin" / "docker").chmod(0o755)
    found = Place(server, backups, folder)
    found.step("roles", "psql -qXc 'grant connect on database jira to backup'")
    give(folder)
    return found
