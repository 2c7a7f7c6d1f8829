"""A volume is a block device that outlives the machine it is attached to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.machines import MachineError
from rehearsal.machines.docker import DockerMachines
from tests.live.machines.shell import Ssh

pytestmark = pytest.mark.live

DEVICE = "/dev/disk/by-id/scsi-0HC_Volume_{}"
UNIT = r"""[Mount]
What=/dev/disk/by-id/scsi-0HC_Volume_7
Where=/mnt/data
Type=ext4
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(scope="module")
def ssh(boot: Callable[..., Ssh], machines: DockerMachines) -> Ssh:
    machines.create_volume(7, 1, None)
    return boot(1)


def test_a_volume_appears_in_a_running_machine_blank(ssh: Ssh, machines: DockerMachines) -> None:
    assert ssh.attempt(f"test -e {DEVICE.format(7)}").returncode != 0
    machines.attach_volume(7, 1)
    machines.attach_volume(7, 1)
    assert ssh(f"sudo blockdev --getsize64 {DEVICE.format(7)}") == str(1024**3)
    assert ssh.attempt(f"sudo blkid -p {DEVICE.format(7)}").returncode == 2, "there is something on it"


def test_one_that_is_attached_while_the_machine_still_makes_its_devices_is_no_error(ssh: Ssh) -> None:
    """`mknod: /dev/sdb: File exists`: the boot and the attachment had both found that it was not there."""
    device = ssh(f"readlink -f {DEVICE.format(7)}")
    at_once = "seq 8 | sudo xargs -P 8 -I{} /usr/local/lib/rehearsal/devices.sh {}"
    ssh(f"for round in $(seq 20); do sudo rm {device} && {at_once} || exit 1; done")
    assert ssh(f"sudo blockdev --getsize64 {DEVICE.format(7)}") == str(1024**3)


def test_a_mount_unit_has_it_at_every_boot(ssh: Ssh, machines: DockerMachines) -> None:
    ssh(f"sudo mkfs.ext4 -q {DEVICE.format(7)}")
    ssh(f"echo '{UNIT}' | sudo tee /etc/systemd/system/mnt-data.mount")
    ssh("sudo systemctl enable --now mnt-data.mount")
    ssh("echo data | sudo tee /mnt/data/file")
    for graceful in (True, False):
        machines.reboot(1, graceful=graceful)
        ssh.wait()
        assert ssh("findmnt -no FSTYPE /mnt/data && cat /mnt/data/file") == "ext4\ndata"


def test_a_larger_volume_is_a_larger_device(ssh: Ssh, machines: DockerMachines) -> None:
    machines.resize_volume(7, 2)
    assert ssh(f"sudo blockdev --getsize64 {DEVICE.format(7)}") == str(2 * 1024**3)
    with pytest.raises(MachineError, match="cannot shrink"):
        machines.resize_volume(7, 1)


def test_a_second_volume_keeps_its_name_when_the_first_one_goes(ssh: Ssh, machines: DockerMachines) -> None:
    machines.create_volume(8, 1, "ext4")
    machines.attach_volume(8, 1)
    second = ssh(f"readlink -f {DEVICE.format(8)}")
    assert ssh(f"sudo blkid -p -o value -s TYPE {DEVICE.format(8)}") == "ext4", (
        "the API was asked for a filesystem"
    )
    machines.detach_volume(7, 1)
    assert ssh.attempt("findmnt /mnt/data").returncode != 0, "a detached volume is still mounted"
    assert ssh.attempt(f"test -e {DEVICE.format(7)}").returncode != 0
    machines.reboot(1, graceful=True)
    ssh.wait()
    assert ssh(f"readlink -f {DEVICE.format(8)}") == second
    machines.attach_volume(7, 1)


def test_its_data_follows_to_another_machine(
    boot: Callable[..., Ssh], ssh: Ssh, machines: DockerMachines
) -> None:
    machines.delete(1)
    machines.release_ipv4(ssh.address)
    replacement = boot(3, volumes=(7,))
    assert replacement(f"sudo mount {DEVICE.format(7)} /mnt && cat /mnt/file") == "data"


def test_a_volume_that_exists_is_never_made_anew(machines: DockerMachines, state: Path) -> None:
    before = (state / "volumes" / "7.img").stat().st_ino
    machines.create_volume(7, 1, "ext4")
    assert (state / "volumes" / "7.img").stat().st_ino == before


def test_a_volume_without_its_file_is_named(boot: Callable[..., Ssh], machines: DockerMachines) -> None:
    with pytest.raises(MachineError, match="volume 99 has no data at"):
        machines.attach_volume(99, 3)
    machines.detach_volume(99, 3)
