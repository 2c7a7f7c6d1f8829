"""mount-volume.sh, run for real against a loop device; only systemd is played, by a script."""

import os
import re
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "components" / "host" / "mount-volume.sh"
SIZE = 32 * 1024 * 1024
SYSTEMCTL = """\
#!/bin/sh
# Records what it is asked, and starts a mount unit as systemd would.
echo "$*" >>"$LOG"
unit="$UNITS/$2"
case "$1 $2" in
"start "*.mount)
  value() { sed -n "s/^$1=//p" "$unit"; }
  mountpoint -q "$(value Where)" ||
    mount -t "$(value Type)" -o "$(value Options)" "$(value What)" "$(value Where)"
  ;;
esac
"""


def run(*command: str | Path, check: bool = True) -> str:
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout.strip()


@dataclass
class Machine:
    """A folder that stands for a machine's disk, and the volume attached to it."""

    folder: Path
    device: str

    @property
    def path(self) -> Path:
        return self.folder / "mnt" / "data"

    def script(self, **changes: str) -> subprocess.CompletedProcess[str]:
        arguments = {"device": self.device, "path": str(self.path), "size-gb": "0"} | changes
        return subprocess.run(
            ["bash", "-s", "--", *(part for k, v in arguments.items() for part in (f"--{k}", v))],
            input=SCRIPT.read_text(),
            capture_output=True,
            text=True,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "UNITS": str(self.folder / "units"),
                "LOG": str(self.folder / "log"),
                "TIMEOUT": "1",
            },
        )

    def mount(self) -> str:
        done = self.script()
        assert done.returncode == 0, done.stderr
        return done.stdout

    def unmount(self) -> None:
        run("umount", self.path)

    @property
    def uuid(self) -> str:
        return run("blkid", "--probe", "-s", "UUID", "-o", "value", self.device)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    missing = [
        tool for tool in ("losetup", "mkfs.ext4", "systemd-escape", "findmnt") if not shutil.which(tool)
    ]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"needs root and {', '.join(missing) or 'loop devices'}")
    disk = tmp_path / "volume.img"
    disk.touch()
    os.truncate(disk, SIZE)
    device = run("losetup", "--find", "--show", disk)
    (tmp_path / "bin").mkdir()
    for name, text in (("systemctl", SYSTEMCTL), ("systemd-detect-virt", "#!/bin/sh\nexit 1\n")):
        tool = tmp_path / "bin" / name
        tool.write_text(text)
        tool.chmod(0o755)
    found = Machine(tmp_path, device)
    try:
        yield found
    finally:
        run("umount", found.path, check=False)
        run("chattr", "-i", found.path, check=False)
        run("losetup", "--detach", device)


def test_a_blank_volume_gets_a_filesystem_once_and_keeps_its_data_from_then_on(machine: Machine) -> None:
    assert "is blank: making a filesystem" in machine.mount()
    uuid = machine.uuid
    (machine.path / "postgres").mkdir()
    (machine.path / "postgres" / "PG_VERSION").write_text("15")

    assert "making" not in machine.mount(), "a second run must find nothing to do"
    machine.unmount()
    assert "making" not in machine.mount(), "as on a new server, to which the volume followed"

    assert machine.uuid == uuid, "the filesystem was made anew"
    assert (machine.path / "postgres" / "PG_VERSION").read_text() == "15"


def test_the_units_mount_by_identity_and_hold_docker_back(machine: Machine) -> None:
    machine.mount()
    (mount_unit,) = (machine.folder / "units").glob("*.mount")
    assert mount_unit.name == run("systemd-escape", "--path", "--suffix=mount", machine.path)
    assert mount_unit.read_text() == (
        "[Unit]\nDescription=Data volume of Jira++\nBefore=docker.service\n\n"
        f"[Mount]\nWhat={machine.device}\nWhere={machine.path}\nType=ext4\n"
        "Options=noatime,nodev,nosuid,noexec,discard\n\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    drop_in = machine.folder / "units" / "docker.service.d" / "data-volume.conf"
    assert drop_in.read_text() == f"[Unit]\nRequiresMountsFor={machine.path}\n"
    assert (machine.folder / "log").read_text().splitlines() == [
        "daemon-reload",
        f"enable --quiet {mount_unit.name}",
        f"start {mount_unit.name}",
        "start docker",
    ], "Docker starts last, with the data in place"


def test_the_bare_mountpoint_takes_no_file(machine: Machine) -> None:
    machine.mount()
    machine.unmount()
    with pytest.raises(PermissionError):
        (machine.path / "postgres").mkdir()


def partition_table(device: str) -> None:
    """An MBR with one Linux partition."""
    entry = struct.pack("<8B2I", 0, 0, 0, 0, 0x83, 0, 0, 0, 2048, 4096)
    with Path(device).open("r+b") as disk:
        disk.seek(440)
        disk.write(b"disk\0\0" + entry + bytes(48) + b"\x55\xaa")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda device: run("mkfs.ext2", "-q", device), "TYPE=ext2"),
        (lambda device: run("mkswap", device), "TYPE=swap"),
        (partition_table, "PTTYPE=dos"),
    ],
)
def test_what_someone_else_put_there_stays_untouched(
    machine: Machine, make: Callable[[str], None], kind: str
) -> None:
    make(machine.device)
    before = Path(machine.device).read_bytes()

    done = machine.script()

    assert done.returncode == 1
    assert f"ERROR: {machine.device} holds something else than ext4; it stays untouched" in done.stderr
    assert kind in done.stderr
    assert Path(machine.device).read_bytes() == before
    assert not (machine.folder / "log").exists(), "neither the mount nor Docker may be started"


def test_bytes_of_no_known_kind_stay_untouched(machine: Machine) -> None:
    with Path(machine.device).open("r+b") as disk:
        disk.seek(4096)
        disk.write(b"a filesystem that blkid does not know")
    before = Path(machine.device).read_bytes()

    done = machine.script()

    assert done.returncode == 1
    assert "holds data of no known kind; it stays untouched" in done.stderr
    assert f"blkdiscard {machine.device}" in done.stderr, "the remedy must be said"
    assert Path(machine.device).read_bytes() == before


def may_resize() -> bool:
    """Whether this kernel lets a mounted filesystem grow: it wants CAP_SYS_RESOURCE (24)."""
    (effective,) = re.findall(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    return bool(int(effective, 16) >> 24 & 1)


def test_a_volume_that_grew_takes_its_filesystem_along_or_says_that_it_cannot(machine: Machine) -> None:
    machine.mount()
    before = shutil.disk_usage(machine.path).total
    os.truncate(machine.folder / "volume.img", 4 * SIZE)
    run("losetup", "--set-capacity", machine.device)
    if may_resize():
        machine.mount()
        assert shutil.disk_usage(machine.path).total > 3 * before
    else:
        done = machine.script()
        assert done.returncode == 1, "on a real machine a refusal is a failure"
        assert f"ERROR: the filesystem on {machine.device} could not be grown: " in done.stderr
        (machine.folder / "bin" / "systemd-detect-virt").write_text("#!/bin/sh\nexit 0\n")
        done = machine.script()
        assert done.returncode == 0, "in a container it is a warning"
        assert done.stderr == f"WARNING: the kernel of this container refuses to grow {machine.device}\n"


def test_a_device_that_does_not_appear_is_named_with_the_question_to_ask(machine: Machine) -> None:
    done = machine.script(device="/dev/disk/by-id/scsi-0HC_Volume_0")
    assert done.returncode == 1
    assert done.stderr == (
        "ERROR: /dev/disk/by-id/scsi-0HC_Volume_0 did not appear within 1 s: "
        "is the volume attached to this server?\n"
    )


def test_a_device_that_is_too_small_is_not_used(machine: Machine) -> None:
    done = machine.script(**{"size-gb": "10"})
    assert done.returncode == 1
    assert f"{machine.device} has {SIZE} bytes after 1 s, fewer than 10 GB" in done.stderr


def test_files_that_the_mount_would_hide_stop_it(machine: Machine) -> None:
    machine.path.mkdir(parents=True)
    (machine.path / "precious").touch()
    done = machine.script()
    assert done.returncode == 1
    assert f"{machine.path} is not the volume and holds files: move them away" in done.stderr
    assert (machine.path / "precious").exists()


def test_another_volume_at_the_mountpoint_is_not_covered(machine: Machine, tmp_path: Path) -> None:
    machine.path.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "other", machine.path)
    done = machine.script()
    assert done.returncode == 1
    assert f"{machine.path} is the mountpoint of" in done.stderr


def test_a_device_by_its_short_name_is_refused(machine: Machine) -> None:
    done = machine.script(device="sdb")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: usage: mount-volume.sh --device /dev/disk/by-id/...")
