"""A real Postgres 15 for the scripts that run against one."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from components.services.connections import connections
from components.services.postgres import ROLES, former_logins, roles
from components.settings.services import Services
from tests.ports import free_ports

BINARIES = Path("/usr/lib/postgresql/15/bin")
SERVICES = Path(__file__).parents[3] / "components" / "services"
BACKUP = SERVICES.with_name("backup")
SHARES = connections(Services())
PASSWORDS = {name: f"password-of-{name}" for name in ROLES}


@dataclass(frozen=True)
class Server:
    """A running server whose superuser is `postgres`, and the user of this machine that it runs as."""

    folder: Path
    port: int

    def run(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = 120,
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a command as the server's user; Postgres refuses root."""
        variables = {"PATH": f"{BINARIES}:{os.environ['PATH']}", **(environment or {})}
        return subprocess.run(
            [*as_user(), *command],
            env=variables,
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            timeout=timeout,
            cwd=self.folder,
        )

    def sql(
        self,
        database: str,
        statement: str,
        user: str = "postgres",
        password: str | None = None,
        timeout: float = 120,
    ) -> str:
        """What `psql` prints; over TCP, as a container would. Raises `AssertionError` with the message."""
        result = self.run(
            *("psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)),
            *("-U", user, "-d", database, "-c", statement),
            environment={"PGPASSWORD": password or PASSWORDS[user]},
            timeout=timeout,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def make_roles(
        self, secrets: Mapping[str, str] = PASSWORDS, jira: str = "jira", temporal: str = "temporal"
    ) -> "subprocess.CompletedProcess[str]":
        """Runs `roles.sh` over the socket, as in the server's container, for these two logins."""
        folder = self.folder / "secrets"
        folder.mkdir(exist_ok=True)
        for name, value in secrets.items():
            (folder / name).write_text(value)
        give(folder)
        environment = {
            "PGHOST": str(self.folder),
            "PGPORT": str(self.port),
            "SECRETS_FOLDER": str(folder),
        }
        script = str(self.folder / "roles.sh")
        return self.run("bash", script, *roles(SHARES, jira, temporal)[2:], environment=environment)

    def shut_former_logins(self, jira: str, temporal: str) -> "subprocess.CompletedProcess[str]":
        """Runs `former-logins.sh` there."""
        environment = {"PGHOST": str(self.folder), "PGPORT": str(self.port)}
        script = str(self.folder / "former-logins.sh")
        return self.run("bash", script, *former_logins(jira, temporal)[2:], environment=environment)


def as_user() -> list[str]:
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []


def on_trial(backups: Path) -> bool:
    """Whether the cluster of a trial restore runs: initdb has a postmaster.pid too, without that word."""
    try:
        return "ready" in (backups / ".scratch" / "data" / "postmaster.pid").read_text().split()
    except FileNotFoundError:
        return False


def give(path: Path) -> None:
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "postgres:postgres", str(path)], check=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A fresh server of this module's own, with the scripts that run against one beside it."""
    if not (BINARIES / "postgres").exists():
        pytest.skip(f"{BINARIES} has no Postgres 15: apt-get install postgresql-15")
    with running("-c fsync=off", "-c log_statement=all") as server:
        yield server


@contextmanager
def running(*options: str) -> Iterator[Server]:
    """A fresh server, with these options of its command line besides its own; it is gone afterwards."""
    folder = Path(mkdtemp(prefix="jira-plus-plus-postgres-"))  # short: a socket's path may have 107 bytes
    folder.chmod(0o755)
    for script in (
        *SERVICES.glob("*.sh"),
        *BACKUP.glob("*.sh"),
        *BACKUP.glob("*.sql"),
        *BACKUP.glob("*.conf"),
    ):
        shutil.copy(script, folder)
    (folder / "superuser").write_text(PASSWORDS["postgres"])
    (port,) = free_ports(1)
    give(folder)
    server = Server(folder, port)
    made = server.run(
        *("initdb", "-D", "data", "-U", "postgres", "--pwfile=superuser", "--no-sync"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256"),
    )
    assert made.returncode == 0, made.stderr
    own = (f"-p {port} -k {folder} -c listen_addresses=127.0.0.1", f"-c max_connections={SHARES.total}")
    started = server.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", " ".join((*own, *options)), "start")
    assert started.returncode == 0, (folder / "log").read_text()
    try:
        yield server
    finally:
        server.run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)
