"""A server boots from its user_data, and stays itself through whatever is done to its power."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from rehearsal.images import registry
from rehearsal.images.builder import build
from rehearsal.machines import MachineError
from rehearsal.machines.docker import DockerMachines
from tests.live.machines.shell import Keys, Ssh, record

pytestmark = pytest.mark.live

BOOT_BUDGET_SECONDS = 45  # 3 s on idle cores; tests share them


@pytest.fixture(scope="module", params=["debian-12", "debian-13"])
def image(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ssh(boot: Callable[..., Ssh]) -> Ssh:
    return boot(1)


def test_it_boots_from_its_user_data_within_seconds(
    boot: Callable[..., Ssh], machines: DockerMachines, image: str
) -> None:
    started = time.monotonic()
    ssh = boot(2)
    seconds = time.monotonic() - started
    assert seconds < BOOT_BUDGET_SECONDS, f"a boot took {seconds:.1f} s"
    assert ssh("hostname") == "test-2"
    assert ssh(". /etc/os-release && echo $ID-$VERSION_ID") == image
    assert ssh("sudo cat /root/boots") == "first boot"
    assert "finished" in machines.console(2).read_text(), "the boot log is in the state folder"
    machines.delete(2)
    machines.release_ipv4(ssh.address)


def test_cloud_init_and_all_units_end_well(ssh: Ssh) -> None:
    assert "errors: []" in ssh("cloud-init status --long") or "status: done" in ssh("cloud-init status")
    assert ssh("systemctl --failed --no-legend") == ""


def test_a_stranger_to_its_host_key_does_not_log_in(ssh: Ssh, tmp_path: Path) -> None:
    other = Ssh(Keys(tmp_path), ssh.address)
    assert "Host key verification failed" in other.attempt("true").stderr


def test_its_docker_runs_images_pulled_by_digest(ssh: Ssh, client: docker.DockerClient) -> None:
    build(("autoheal", "registry"))
    reference = registry.push(("autoheal",))["autoheal"]
    assert "@sha256:" in reference
    assert ssh(f"docker run --rm {reference} echo from inside", seconds=120).endswith("from inside")
    assert "overlay2" in ssh("docker info --format '{{.Driver}}'")


def test_its_containers_live_within_its_memory(ssh: Ssh) -> None:
    limit = ssh(
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
    )
    assert int(limit) == 2048 * 1024**2


def test_the_kernel_of_this_machine_is_out_of_its_reach(ssh: Ssh) -> None:
    assert ssh.attempt("sudo sysctl -w kernel.panic=42").returncode != 0
    assert ssh("sudo sysctl -w net.ipv4.ip_forward=1")


@pytest.mark.parametrize("graceful", [True, False])
def test_a_reboot_keeps_its_disk_and_repeats_nothing(
    ssh: Ssh, machines: DockerMachines, graceful: bool
) -> None:
    ssh(f"touch kept-{graceful} && sync")
    machines.reboot(1, graceful=graceful)
    ssh.wait()
    assert ssh(f"ls kept-{graceful}")
    assert ssh("sudo cat /root/boots") == "first boot", "cloud-init ran its commands a second time"
    assert ssh("docker info --format ok") == "ok"


def test_a_reboot_from_inside_boots_again(ssh: Ssh, machines: DockerMachines) -> None:
    before = ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
    ssh.attempt("sudo systemctl reboot")
    deadline = time.monotonic() + 30
    while ssh.attempt("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1").stdout.strip() in (
        before,
        "",
    ):
        assert time.monotonic() < deadline, "the machine did not come back"
        time.sleep(0.2)
    ssh.wait()
    assert machines.power_state(1) == "running"


def test_power_off_is_off_until_it_is_on(ssh: Ssh, machines: DockerMachines) -> None:
    machines.stop(1, graceful=True)
    assert machines.power_state(1) == "off"
    machines.stop(1, graceful=False)
    machines.start(1)
    machines.start(1)
    ssh.wait()
    assert machines.power_state(1) == "running"


def test_a_cloud_that_starts_again_finds_its_machines_as_they_were(
    ssh: Ssh, machines: DockerMachines, client: docker.DockerClient, state: Path
) -> None:
    # As after a reboot of this machine: the container stopped, though nobody powered the server off.
    client.containers.get(machines._name(1)).stop(timeout=0)
    again = DockerMachines(state)
    assert again.power_state(1) == "running"
    ssh.wait()


def test_another_type_gives_it_other_limits(
    ssh: Ssh, machines: DockerMachines, keys: Keys, image: str
) -> None:
    machines.stop(1, graceful=True)
    machines.resize(replace(record(1, ssh.address, keys, image), memory_mb=1024, cpus=1))
    machines.start(1)
    ssh.wait()
    limit = ssh(
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
    )
    assert int(limit) == 1024 * 1024**2


def test_a_rebuild_is_a_fresh_disk_behind_the_same_address_and_host_key(
    ssh: Ssh, machines: DockerMachines, keys: Keys, image: str
) -> None:
    ssh("touch gone")
    machines.rebuild(replace(record(1, ssh.address, keys, image), user_data=""), keep_user_data=True)
    ssh.wait()
    assert ssh("ls") == ""
    assert ssh("docker images --quiet") == ""
    assert ssh("sudo cat /root/boots") == "first boot"


def test_what_is_repeated_changes_nothing(ssh: Ssh, machines: DockerMachines, keys: Keys, image: str) -> None:
    machines.create(record(1, ssh.address, keys, image))
    machines.start(1)
    assert ssh("hostname") == "test-1"
    machines.delete(404)
    machines.detach_volume(404, 1)
    assert machines.power_state(404) == "missing"


def test_an_image_that_does_not_boot_is_named(machines: DockerMachines, keys: Keys) -> None:
    with pytest.raises(MachineError, match=r"image ubuntu-24\.04: .*only debian-12"):
        machines.create(record(9, "", keys, "ubuntu-24.04"))


def test_user_data_is_for_its_owner_alone(ssh: Ssh, state: Path) -> None:
    seed = state / "servers" / "1" / "seed"
    assert seed.stat().st_mode & 0o077 == 0
    assert "PRIVATE KEY" not in (state / "servers" / "1" / "machine.json").read_text()
