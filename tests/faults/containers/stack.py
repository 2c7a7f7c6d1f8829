"""A stack's `postgres` and `backup`, on disks of their own size, and what may be done to them."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.services.connections import connections
from components.services.postgres import DATA, roles
from components.settings.services import Services
from operations.restore.dumps import STAMP
from rehearsal.s3 import S3Server
from tests.live.archive.cluster import PSQL, Cluster, called, eventually

DISK_MB = 3000
PATIENCE_SECONDS = 60
RESTORE = Path(__file__).parents[3] / "operations" / "restore" / "restore.sh"
MOUNTS = {"postgres": DATA, "backup": "/backups"}
"""By service: what it keeps, and on which disk of its own that is here."""
BALLAST = """
create table ballast as select i, string_agg(md5(random()::text || j), '') as body
from generate_series(1, 24000) i, generate_series(1, 30) j group by i;
"""
"""Some 24 MB, so that a dump takes long enough to be met."""


def docker(*arguments: str, check: bool = True) -> str:
    return subprocess.run(["docker", *arguments], check=check, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Stack(Cluster):
    """With two buckets: of the log (`storage`), and of the copies."""

    copies: S3Server
    folder: Path
    """For what an operator has on the machine."""

    def name(self, service: str) -> str:
        """The container's, whether or not it runs."""
        labels = [f"--filter=label=jira-plus-plus.{k}" for k in (f"stack={self.stack}", f"service={service}")]
        return docker("ps", "--all", "--format={{.Names}}", *labels)

    def disk(self, service: str) -> Path:
        """Where what it keeps is, seen from here."""
        return self.mounted(service, MOUNTS[service])

    def mounted(self, service: str, at: str) -> Path:
        """Where what a container has there is, seen from here."""
        mounts = json.loads(docker("inspect", "--format={{json .Mounts}}", self.name(service)))
        return next(Path(mount["Source"]) for mount in mounts if mount["Destination"] == at)

    @property
    def backups(self) -> Path:
        return self.disk("backup")

    def kill(self, service: str) -> None:
        docker("kill", self.name(service))

    def start(self, service: str) -> None:
        docker("start", self.name(service))

    def whole(self) -> bool:
        """Whether both containers are healthy; one that is not is told with what its check said last.

        Raises:
            AssertionError: one is not.
        """
        for name in map(self.name, MOUNTS):
            state = json.loads(docker("inspect", "--format={{json .State.Health}}", name))
            said = [check["Output"].strip() for check in state["Log"]][-1:]
            assert state["Status"] == "healthy", f"{name} is {state['Status']}: {said}"
        return True

    def answers(self) -> None:
        """Waits for the server, which may replay its log first."""
        eventually(lambda: self.run("postgres", "pg_isready", "-q", "-h", "127.0.0.1").returncode == 0)

    def writing(self) -> list[str]:
        """The command of somebody who writes."""
        return ["docker", "exec", "-i", self.name("postgres"), *PSQL, "jira"]

    def health(self, **variables: str) -> tuple[int, str]:
        done = self.script("healthcheck.sh", **variables)
        return done.returncode, done.stdout

    def dumped(self, kind: str = "manual") -> Path:
        """A proven dump of now, whatever the clock has named others."""
        before = set((self.backups / "jira").glob("*.dump"))
        done = self.script("backup.sh", kind)
        assert done.returncode == 0, done.stderr
        return max(set((self.backups / "jira").glob("*.dump")) - before)

    def newest(self) -> Path:
        return max((self.backups / "jira").glob("*.dump"))

    def logged(self) -> None:
        """Until the log is off the machine and a backup of this cluster can be had back."""
        self.archived()
        eventually(lambda: f'"cluster": "{self.identity}"' in self.text("archive.json"), 300)

    def begin(self, service: str, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Begins a command in a container."""
        given = [f"--env={name}={value}" for name, value in variables.items()]
        return subprocess.Popen(
            ["docker", "exec", "-i", *given, self.name(service), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def dumping(self) -> subprocess.Popen[str]:
        """A dump by hand that is being written."""
        begun = self.begin("backup", *called("backup.sh"), "manual")
        wait_for(lambda: any(path.stat().st_size for path in (self.backups / "jira").glob("*.partial")), 180)
        return begun

    @contextmanager
    def filled(self, service: str, leave_mb: int = 0) -> Iterator[Path]:
        """All of the disk is taken meanwhile."""
        file = self.disk(service) / ".fill"
        fill(file, leave_mb)
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    def restoring(
        self, source: str, *databases: str, moment: str = "", **files: str
    ) -> subprocess.Popen[str]:
        """`make restore` at the machine; `moment`: a cluster and what its log is replayed up to."""
        home = self.folder / "restore"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shutil.copy(RESTORE, home)
        shutil.copy(RESTORE.with_name("server.sh"), home)
        grant = ["docker", "exec", self.name("postgres"), *roles(connections(Services()))]
        for name, text in {"roles": shlex.join(grant), "moment": moment, **files}.items():
            (home / name).write_text(f"{text}\n" if text else "")
        return subprocess.Popen(
            ["bash", str(home / RESTORE.name), self.stack, source, "", *(databases or ("jira",))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def restored(self, source: str, *databases: str, **besides: str) -> str:
        """What it says, having ended well."""
        code, said = ended(self.restoring(source, *databases, **besides))
        assert code == 0, said
        self.tidy()
        return said

    def moment(self, cluster: str, target: str) -> dict[str, str]:
        """The source and the moment of a restore."""
        return {"source": f"{datetime.now(UTC).strftime(STAMP)}-moment", "moment": f"{cluster} {target}"}

    def asides(self) -> list[str]:
        return self.sql(r"select datname from pg_database where datname ~ '_before_\d{8}t\d{6}z$'").split()

    def tidy(self) -> None:
        """Drops what restores have set aside, and what they made of moments."""
        for name in self.asides():
            self.sql(f'drop database "{name}" with (force)', "postgres")
        for path in self.backups.glob("*/*-moment.*"):
            path.unlink()


def ended(process: subprocess.Popen[str], seconds: float = 240) -> tuple[int, str]:
    """The exit code and what it said."""
    said, _ = process.communicate(timeout=seconds)
    return process.returncode, said


def reason(said: str) -> str:
    """The first line of it that says why."""
    lines = [line.partition("ERROR: ")[2] for line in said.splitlines() if "ERROR: " in line]
    return lines[0] if lines else said.strip().rpartition("\n")[2]


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    """Waits for what may be over in a moment."""
    eventually(holds, seconds, every=0.02)


def fill(file: Path, leave_mb: int = 0) -> None:
    """Takes all of a disk but so much."""
    free = int(subprocess.check_output(["df", "--output=avail", "--block-size=1K", file.parent]).split()[1])
    size = max(free - leave_mb * 1024, 1)
    while subprocess.run(["fallocate", "-l", f"{size}K", file], capture_output=True, check=False).returncode:
        size -= 4  # blocks that tell where the others are
        assert size > 0
    rest = file.with_name(".rest")
    if not leave_mb:  # the last blocks
        subprocess.run(
            ["dd", "if=/dev/zero", f"of={file}", "bs=4k", "oflag=append", "conv=notrunc"], capture_output=True
        )
    rest.unlink(missing_ok=True)


@contextmanager
def own_disks(stack: Stack) -> Iterator[None]:
    """Each of its two folders on a filesystem of its own, so that one may be full."""
    with ExitStack() as undo, tempfile.TemporaryDirectory(prefix="faults-disks-") as folder:
        for service in MOUNTS:
            docker("stop", "--time=60", stack.name(service))
        for service in MOUNTS:
            place, image, aside = stack.disk(service), Path(folder, service), Path(folder, f"{service}.old")
            shell("mv", place, aside)
            place.mkdir()
            with image.open("wb") as file:
                file.truncate(DISK_MB * 2**20)
            shell("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", image)
            shell("mount", "-o", "loop", image, place)
            undo.callback(shell, "umount", "--lazy", place)
            undo.callback(docker, "kill", stack.name(service), check=False)
            shell("rmdir", place / "lost+found")
            shell("cp", "--archive", f"{aside}/.", place)
            shell("rm", "-rf", aside)
        for service in MOUNTS:
            # A trial leaves it out. Docker's init comes first, so Postgres is number 7, and ends at once if
            # the file that a killed one left names a process that is there: it needs another start.
            docker("update", "--restart=unless-stopped", stack.name(service))
            stack.start(service)
        stack.answers()
        yield


def shell(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
