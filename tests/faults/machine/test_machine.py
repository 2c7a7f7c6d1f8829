"""A booted machine with the whole stack. In the order of the file: the last one loses the machine."""

from __future__ import annotations

import json
import shlex
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from operations.deployment import DeploymentFailed
from operations.restore.job import JobFailed
from tests.faults.containers.stack import BALLAST
from tests.faults.row import Row
from tests.faults.watch import Watch
from tests.faults.writer import TABLE, Writer
from tests.live.archive.cluster import PSQL, called
from tests.live.stacks.conftest import folder
from tests.live.stacks.stand import LEAVING, UAT, Stand
from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import CRASH, OUT_OF_MEMORY, restarts, signal_all, whole

__all__ = ["folder"]

pytestmark = [pytest.mark.faults, pytest.mark.live, pytest.mark.engine, pytest.mark.timeout(1800)]

WHERE = "machine"
BOOT_SECONDS = 300
POSTGRES, BACKUP = "jira-uat-postgres", "jira-uat-backup"
IN_BACKUP = shlex.join(["docker", "exec", BACKUP, *called("")])
PATIENT = ("-oServerAliveInterval=2", "-oServerAliveCountMax=3", "-oConnectTimeout=5")


@dataclass
class Machine:
    """Where UAT runs; another one, once it was replaced."""

    stand: Stand
    target: Target

    def ssh(self, command: str, check: bool = True) -> str:
        return self.target.ssh(command, check=check).strip()

    def sql(self, statement: str) -> str:
        return self.ssh(f"docker exec {POSTGRES} {shlex.join([*PSQL, 'jira', '-c', statement])}")

    def writing(self) -> list[str]:
        ssh, *rest = shlex.split(self.target.outputs["ssh"])
        return [ssh, *PATIENT, *rest, f"docker exec -i {POSTGRES} {shlex.join([*PSQL, 'jira'])}"]

    def whole(self) -> bool:
        return whole(self.target)

    def script(self, words: str) -> str:
        """What a script of the backup's prints; it must end well."""
        return self.ssh(f"{IN_BACKUP}{words}")

    def dumping(self) -> None:
        """A dump by hand that is being written."""
        self.ssh(f"docker exec --detach {BACKUP} {shlex.join(called('backup.sh'))} manual")
        partial = "sudo find /srv/jira/backups/jira -name '*.partial' -size +100k"
        seconds_until("a dump is being written", lambda: self.ssh(partial), 180, every=0.1)

    def boots(self) -> str:
        return self.ssh("cut -d' ' -f22 /proc/1/stat; uptime -s")

    def booted(self, how: Callable[[], Any]) -> None:
        """Until it has booted again."""
        before = self.boots()
        how()
        seconds_until("the machine has booted", lambda: self.boots() != before, BOOT_SECONDS)

    def cloud(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
        """What Hetzner's API answers."""
        cloud = self.stand.rehearsal._cloud
        assert cloud is not None
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{cloud.url}/v1/{path}",
            data,
            {"Authorization": f"Bearer {cloud.token}", "Content-Type": "application/json"},
            method=method or None,
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()}") from None
        return json.loads(text) if text else {}

    @property
    def server(self) -> int:
        return int(self.cloud("servers")["servers"][0]["id"])

    @property
    def volume(self) -> int:
        return int(self.cloud("volumes")["volumes"][0]["id"])

    def acted(self, path: str, **body: Any) -> None:
        """Waits for an action."""
        action = self.cloud(path, body)["action"]["id"]
        seconds_until(path, lambda: self.cloud(f"actions/{action}")["action"]["status"] == "success", 180)


@pytest.fixture(scope="module")
def machine(folder: Path) -> Iterator[Machine]:
    with closing(Stand(folder, "uat", {"backup": LEAVING})) as stand:
        stand.run("up")
        machine = Machine(stand, stand.target())
        machine.sql(TABLE)
        machine.sql(BALLAST)
        yield machine


@pytest.fixture(scope="module")
def writer(machine: Machine) -> Iterator[Writer]:
    with Writer(machine.writing) as writer:
        yield writer


@pytest.fixture
def watch(machine: Machine, writer: Writer, row: Row) -> Watch:
    watch = Watch(row, writer, machine.sql, machine.whole)
    seconds_until("somebody writes", lambda: len(writer.acknowledged) > watch.begun, 60)
    return watch


@pytest.mark.fault("docker kill of the database's container", WHERE)
def test_docker_kill(machine: Machine, watch: Watch) -> None:
    _, started = restarts(machine.target, "postgres")
    watch.struck()
    machine.ssh(f"docker kill {POSTGRES}")
    watch.healed(lambda: restarts(machine.target, "postgres")[1] != started)
    watch.counted("the machine starts it again by itself")


@pytest.mark.fault("kill -9 of the server", WHERE)
def test_kill_of_the_server(machine: Machine, watch: Watch) -> None:
    _, started = restarts(machine.target, "postgres")
    watch.struck()
    machine.ssh(CRASH.format(name=POSTGRES))
    watch.healed(lambda: restarts(machine.target, "postgres")[1] != started)
    watch.counted("Docker starts it again")


@pytest.mark.fault("the server hangs for 20 s", WHERE)
def test_the_server_hangs(machine: Machine, watch: Watch) -> None:
    _, started = restarts(machine.target, "postgres")
    signal_all(machine.target, "postgres", "STOP")
    time.sleep(20)
    signal_all(machine.target, "postgres", "CONT")
    watch.over()
    watch.healed()
    assert restarts(machine.target, "postgres")[1] == started
    watch.counted("nobody restarts the database; commits wait, and are made")


@pytest.mark.fault("the server runs out of memory", WHERE)
def test_out_of_memory(machine: Machine, watch: Watch) -> None:
    _, started = restarts(machine.target, "postgres")
    watch.struck()
    machine.ssh(OUT_OF_MEMORY.format(name=POSTGRES), check=False)
    watch.healed(lambda: restarts(machine.target, "postgres")[1] != started)
    watch.counted("the kernel ends it, Docker starts it again")


@pytest.mark.parametrize(
    "daemon",
    [
        pytest.param("dockerd", marks=pytest.mark.fault("kill -9 of dockerd", WHERE)),
        pytest.param("containerd", marks=pytest.mark.fault("kill -9 of containerd", WHERE)),
    ],
)
def test_kill_of_a_daemon(machine: Machine, watch: Watch, daemon: str) -> None:
    pid = machine.ssh(f"pidof {daemon}")
    watch.struck()
    machine.ssh(f"sudo kill -9 {pid}")
    watch.healed(lambda: machine.ssh(f"pidof {daemon}") not in ("", pid), BOOT_SECONDS)
    watch.counted("systemd starts it again, and with it what ran")


@pytest.mark.fault("the disk of the data is full, and so is its log of writes", WHERE)
def test_the_disk_of_the_data_is_full(machine: Machine, watch: Watch) -> None:
    _, started = restarts(machine.target, "postgres")
    machine.ssh("sudo fallocate -l $(df --output=avail -B1 /mnt/data | tail -n 1) /mnt/data/.fill || true")
    machine.ssh("sudo dd if=/dev/zero of=/mnt/data/.rest bs=64k", check=False)
    write = "select txid_current(), pg_switch_wal()"
    psql = shlex.join([*PSQL, "jira", "-c", write])
    for _ in range(60):
        if "failed" in machine.ssh(f"docker exec {POSTGRES} {psql} >/dev/null || echo failed"):
            break
    else:
        pytest.fail("the log of writes found room")
    time.sleep(5)
    watch.over()
    machine.ssh("sudo rm -f /mnt/data/.fill /mnt/data/.rest")
    watch.healed(limit=BOOT_SECONDS)
    again = restarts(machine.target, "postgres")[1] != started
    watch.counted(
        f"the server {'ended and was started again' if again else 'replays its log'} once there is room"
    )


@pytest.mark.fault("a reboot during a dump", WHERE)
def test_a_reboot_during_a_dump(machine: Machine, watch: Watch) -> None:
    machine.dumping()
    watch.struck()
    machine.booted(lambda: machine.ssh("sudo systemctl reboot", check=False))
    watch.healed(limit=BOOT_SECONDS)
    left = "sudo find /srv/jira/backups -name '*.partial' -o -name .scratch"
    machine.script("backup.sh manual")
    assert machine.ssh(left) == ""
    watch.counted("the next dump is good, and nothing is left of the first")


@pytest.mark.fault("a reboot during a restore", WHERE)
def test_a_reboot_during_a_restore(machine: Machine, watch: Watch) -> None:
    machine.script("backup.sh manual")
    said: list[str] = []

    def restore() -> None:
        try:
            machine.stand.restore("latest")
        except JobFailed as failure:
            said.append(str(failure))

    restoring = threading.Thread(target=restore)
    restoring.start()
    there = "select count(*) from pg_database where datname = 'jira_restored'"
    seconds_until("it is being restored", lambda: machine.sql(there) == "1", 60, every=0.1)
    watch.struck()
    machine.booted(lambda: machine.ssh("sudo systemctl reboot", check=False))
    watch.healed(limit=BOOT_SECONDS)
    restoring.join(BOOT_SECONDS)
    assert said, "the restore has ended well"
    watch.counted(f"what serves was not touched: “{said[0]}”")


@pytest.mark.fault("power is cut and comes back", WHERE)
def test_a_power_cut(machine: Machine, watch: Watch) -> None:
    watch.struck()
    machine.booted(lambda: machine.acted(f"servers/{machine.server}/actions/reset"))
    watch.healed(limit=BOOT_SECONDS)
    watch.counted(
        "the log is replayed (the machine is a container: what its kernel had not yet written stays)"
    )


@pytest.mark.fault("the machine boots without its data volume", WHERE)
def test_a_missing_mount(machine: Machine, watch: Watch) -> None:
    volume, server = machine.volume, machine.server
    machine.acted(f"servers/{server}/actions/poweroff")
    machine.acted(f"volumes/{volume}/actions/detach")
    machine.acted(f"servers/{server}/actions/poweron")
    seconds_until("ssh answers", lambda: machine.ssh("echo up") == "up", BOOT_SECONDS)
    time.sleep(5)
    assert machine.ssh("systemctl is-active docker", check=False) != "active"
    assert machine.ssh("ls -A /mnt/data") == "", "something was written to the root disk"
    machine.acted(f"servers/{server}/actions/poweroff")
    machine.acted(f"volumes/{volume}/actions/attach", server=server)
    watch.over()
    machine.acted(f"servers/{server}/actions/poweron")
    watch.healed(limit=BOOT_SECONDS)
    watch.counted("Docker does not start, and nothing is written in the volume's place")


@pytest.mark.fault("the migration of a release fails", WHERE)
def test_a_migration_fails(machine: Machine, watch: Watch) -> None:
    migration = UAT["config"]["jira-plus-plus:services"]["migration"]
    machine.stand.change("services", migration=migration | {"command": ["node", "-e", "process.exit(3)"]})
    watch.struck()
    with pytest.raises(DeploymentFailed):
        machine.stand.run("up")
    assert machine.whole(), "the release before does not serve"
    watch.healed()
    machine.stand.change("services", migration=migration)
    watch.counted("the deploy stops before its code, and the release before serves on")
    machine.stand.run("up")


@pytest.mark.fault("the server is replaced by a new one", WHERE)
def test_a_replaced_server(machine: Machine, watch: Watch) -> None:
    born = machine.ssh("cat /etc/machine-id")
    watch.struck()
    machine.stand.run("replace")
    machine.target = machine.stand.target()
    assert machine.ssh("cat /etc/machine-id") != born
    watch.healed(limit=BOOT_SECONDS)
    watch.counted("the volume moves to the new one, behind the same address")


@pytest.mark.fault(
    "the machine and its volume are lost", WHERE, may_lose="5 min of commits", seconds_allowed=300
)
def test_the_machine_is_lost(machine: Machine, watch: Watch, writer: Writer) -> None:
    seconds_until(
        "its log is archived",
        lambda: (
            machine.sql(
                "select count(*) from pg_stat_archiver where last_archived_time > now() - interval '50 s'"
            )
            == "1"
        ),
        180,
    )
    time.sleep(15)
    server, volume = machine.server, machine.volume
    watch.struck()
    lost_at = time.monotonic()
    machine.cloud(f"servers/{server}", method="DELETE")
    seconds_until("the server is gone", lambda: not machine.cloud("servers")["servers"], 120)
    seconds_until(
        "the volume is free", lambda: machine.cloud(f"volumes/{volume}")["volume"]["server"] is None, 60
    )
    machine.cloud(f"volumes/{volume}", method="DELETE")
    with writer.resting():
        machine.stand.run("up")
        machine.target = machine.stand.target()
        machine.stand.restore("former", "all")
        present = watch.present()
    watch.healed(limit=BOOT_SECONDS)
    watch.counted(
        "a deploy makes both anew, a restore brings the log's end", present | watch.present(), lost_at
    )
    writer.forget()
