"""The scripts on machines that really boot: prepared by cloud-init, by ssh, and again after a reboot."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.host.cloud_init import user_data
from components.host.keys import known_host
from components.host.remote import DIAL_ATTEMPTS
from components.host.scripts import bootstrap_arguments, run_script, script
from rehearsal.images import builder
from rehearsal.machines import ServerRecord
from rehearsal.machines.docker import DockerMachines
from rehearsal.machines.docker.machines import IMAGES

pytestmark = pytest.mark.live

SERVER, VOLUME = 1, 7
BOOT_SECONDS = 120
OPERATOR = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd1ZvYxnzfMzIi3eRvCh2Zy2p6F0cTS0rQ1mC7m8f0G ada"
# The first boot restarts sshd; as the program dials, these are tried again. Nothing has run then.
NOT_CONNECTED = ("Connection refused", "kex_exchange_identification: ")
# Writes when it starts and when it is asked to stop, as Postgres would to its data directory.
DATABASE = (
    "trap 'echo stopped >>/data/log; exit 0' TERM; echo started >>/data/log; while :; do sleep 0.1; done"
)


@dataclass
class Machine:
    """A booted server, and the way into it."""

    folder: Path
    address: str
    reboot: Callable[[], None]

    def ssh(
        self, command: str, stdin: str | None = None, user: str = "deploy", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        arguments = [
            "ssh",
            *("-i", self.folder / "deploy"),
            *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"),
            *("-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes"),
            f"{user}@{self.address}",
            command,
        ]
        for _ in range(DIAL_ATTEMPTS):
            done = subprocess.run(
                arguments,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
            )
            if not any(words in done.stderr for words in NOT_CONNECTED):
                break
            time.sleep(0.5)
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done

    def wait(self, user: str = "deploy") -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while (done := self.ssh("true", user=user, check=False)).returncode:
            assert time.monotonic() < deadline, f"no login as {user} within {BOOT_SECONDS} s: {done.stderr}"
            time.sleep(0.5)

    def bootstrap(self, *ssh_users: str, wait_for_cloud_init: bool = True) -> str:
        arguments = bootstrap_arguments(0, ssh_users, (OPERATOR,), wait_for_cloud_init=wait_for_cloud_init)
        return self.ssh(run_script(arguments), script("bootstrap.sh")).stdout

    def mount(self) -> str:
        device = f"/dev/disk/by-id/scsi-0HC_Volume_{VOLUME}"
        arguments = ["--device", device, "--path", "/mnt/data", "--size-gb", "10"]
        return self.ssh(run_script(arguments), script("mount-volume.sh")).stdout


@contextmanager
def boot(folder: Path, image: str, *, prepared: bool) -> Iterator[Machine]:
    """A server with an empty volume; `prepared`: by our user_data, otherwise as its maker leaves it."""
    for name in ("deploy", "host"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True
        )
    deploy, host = ((folder / f"{name}.pub").read_text() for name in ("deploy", "host"))
    builder.build((IMAGES[image],))
    machines = DockerMachines(folder)
    address = machines.allocate_ipv4()
    data = user_data(deploy, (folder / "host").read_text(), host, bootstrap_arguments(0, (), (OPERATOR,)))
    server = ServerRecord(
        id=SERVER,
        name="live",
        hostname="live",
        ipv4=address,
        image=image,
        memory_mb=2048,
        cpus=2,
        public_keys=(deploy,),
        user_data=data if prepared else "",
    )

    def reboot() -> None:
        machines.reboot(SERVER, graceful=True)

    machine = Machine(folder, address, reboot)
    try:
        machines.create(server)
        machines.create_volume(VOLUME, 10, None)
        machines.start(SERVER)
        machines.attach_volume(VOLUME, SERVER)
        (folder / "known_hosts").write_text(known_host(address, 22, host if prepared else scanned(address)))
        machine.wait("deploy" if prepared else "root")
        yield machine
    finally:
        machines.delete(SERVER)
        machines.delete_volume(VOLUME)
        machines.release_ipv4(address)


def scanned(address: str) -> str:
    """The host key that the machine made itself."""
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        found = subprocess.run(
            ["ssh-keyscan", "-t", "ed25519", address], capture_output=True, text=True
        ).stdout
        if found:
            return found.split(maxsplit=1)[1]
        time.sleep(0.5)
    raise AssertionError(f"{address} showed no host key within {BOOT_SECONDS} s")


@pytest.fixture(scope="module", params=["debian-12", "debian-13"])
def image(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Machine]:
    with boot(tmp_path_factory.mktemp("new"), image, prepared=True) as machine:
        machine.bootstrap()  # waits for cloud-init
        yield machine


@pytest.fixture(scope="module")
def with_volume(new: Machine) -> Machine:
    new.mount()
    image = builder.require(builder.connect(), "base")
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
        load = ["ssh", "-i", new.folder / "deploy", "-o", f"UserKnownHostsFile={new.folder / 'known_hosts'}"]
        subprocess.run([*load, f"deploy@{new.address}", "docker load"], stdin=save.stdout, check=True)
    new.ssh("sudo install -d /mnt/data/database")
    new.ssh(
        "docker run --detach --name database --restart unless-stopped "
        f"--mount type=bind,source=/mnt/data/database,target=/data {image} bash -c {DATABASE!r}"
    )
    return new


def test_cloud_init_has_prepared_a_new_server_and_the_run_over_ssh_finds_nothing_to_do(new: Machine) -> None:
    log = new.ssh("sudo cat /var/log/cloud-init-output.log").stdout
    assert "wrote /etc/docker/daemon.json" in log
    assert "prepared: Docker " in log
    assert new.ssh("sudo cloud-init status").stdout == "status: done\n"
    (line,) = new.bootstrap().splitlines()
    assert line.startswith("prepared: Docker "), "a second run must write and restart nothing"
    assert (
        new.ssh(run_script([], interpreter="sh", sudo=False), script("readiness.sh")).stdout.strip() in line
    )


def test_docker_runs_with_our_settings(new: Machine) -> None:
    info = new.ssh("docker info --format '{{.LoggingDriver}} {{.LiveRestoreEnabled}}'").stdout
    assert info == "local false\n"


def test_the_system_upgrades_itself_in_the_night_only(new: Machine) -> None:
    """infrastructure C6, runtime 24: Debian's timer goes off from six to seven in the morning."""
    asked = "systemctl show apt-daily-upgrade.timer --property=TimersCalendar,Persistent"
    told = new.ssh(asked).stdout
    assert told.count("OnCalendar=") == 1
    assert "OnCalendar=*-*-* 03:30:00 UTC" in told
    assert "Persistent=no" in told


def test_only_the_deploy_user_may_log_in_and_only_by_key(new: Machine) -> None:
    refused = new.ssh("true", user="root", check=False)
    assert "Permission denied (publickey)" in refused.stderr, "passwords must not even be offered"
    effective = new.ssh("sudo sshd -T").stdout.splitlines()
    for line in (
        "allowusers deploy",
        "maxstartups 100:30:200",
        "permitrootlogin no",
        "passwordauthentication no",
    ):
        assert line in effective
    assert new.ssh("sudo cat /etc/ssh/authorized_keys.d/deploy").stdout == f"{OPERATOR}\n"


def test_the_metadata_rule_is_there_before_dockers_own_and_survives_its_restart(new: Machine) -> None:
    rules = [
        "-N DOCKER-USER",
        "-A DOCKER-USER -d 169.254.169.254/32 -j DROP",
        "-A DOCKER-USER -j RETURN",
    ]
    assert new.ssh("sudo iptables -S DOCKER-USER").stdout.splitlines() == rules
    new.ssh("sudo systemctl restart docker")
    assert new.ssh("sudo iptables -S DOCKER-USER").stdout.splitlines() == rules


def test_data_and_container_are_back_after_a_reboot_that_stopped_the_database(with_volume: Machine) -> None:
    with_volume.reboot()
    with_volume.wait()
    deadline = time.monotonic() + BOOT_SECONDS
    while "Up" not in with_volume.ssh("docker ps --format '{{.Status}}'", check=False).stdout:
        assert time.monotonic() < deadline, "the container did not come back"
        time.sleep(0.5)
    assert with_volume.ssh("findmnt -n -o FSTYPE /mnt/data").stdout == "ext4\n"
    log = with_volume.ssh("sudo cat /mnt/data/database/log").stdout.split()
    assert log == ["started", "stopped", "started"], "it must be asked to stop, not cut off"


def test_what_runs_is_back_after_an_upgrade_of_containerd_that_left_docker_stopped(
    with_volume: Machine,
) -> None:
    """infrastructure C6, runtime 24 (m-lab/k8s-support#520)."""
    with_volume.ssh("sudo systemctl stop docker.socket docker containerd")
    assert with_volume.ssh("systemctl is-active docker", check=False).stdout == "inactive\n"
    with_volume.ssh("sudo systemctl start containerd")
    deadline = time.monotonic() + BOOT_SECONDS
    while "Up" not in with_volume.ssh("docker ps --format '{{.Status}}'", check=False).stdout:
        assert time.monotonic() < deadline, "Docker did not come back, or the container did not"
        time.sleep(0.5)


def test_an_unmount_stops_docker_first_and_nothing_runs_without_the_data(with_volume: Machine) -> None:
    with_volume.ssh("sudo systemctl stop mnt-data.mount")
    assert with_volume.ssh("systemctl is-active docker", check=False).stdout == "inactive\n"
    assert with_volume.ssh("sudo ls -A /mnt/data").stdout == "", "nothing was written to the root disk"
    mounted = with_volume.mount()
    assert "making a filesystem" not in mounted
    assert with_volume.ssh("systemctl is-active docker").stdout == "active\n"


def test_a_server_that_existed_is_adopted_and_prepared_and_its_owner_keeps_his_way_in(
    tmp_path: Path, image: str
) -> None:
    with boot(tmp_path, image, prepared=False) as machine:
        key = (tmp_path / "deploy.pub").read_text().strip()
        for _ in range(2):
            machine.ssh(run_script([key], interpreter="sh", sudo=False), script("adopt.sh"), user="root")
        first = machine.bootstrap("root", wait_for_cloud_init=False).splitlines()
        assert "wrote /etc/ssh/sshd_config.d/10-jira-plus-plus.conf" in first
        assert first[-1].startswith("prepared: Docker ")
        assert machine.bootstrap("root", wait_for_cloud_init=False).splitlines() == first[-1:]
        assert "permitrootlogin without-password" in machine.ssh("sudo sshd -T").stdout.splitlines()
        assert machine.ssh("id -un", user="root").stdout == "root\n"
