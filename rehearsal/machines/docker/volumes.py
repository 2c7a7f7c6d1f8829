"""Volumes: sparse files behind loop devices, one device from a volume's creation to its end.

The device stays while the volume moves between machines: two devices on one file would be two filesystems
that do not know of each other.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from rehearsal.machines import MachineError

GIGABYTE = 1024**3
MAKERS = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class Volumes:
    """The volumes of one state folder; each is `<id>.img` in it."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is not there."""
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    def create(self, volume_id: int, size_gb: int, filesystem: str | None) -> None:
        """Makes the volume; one that is there already is left as it is.

        Raises:
            MachineError: it cannot be made.
        """
        image = self._image(volume_id)
        if image.exists():
            return
        # Made under another name: a volume that exists is one that was formatted, too.
        unfinished = image.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with unfinished.open("xb") as file:
            file.truncate(size_gb * GIGABYTE)
        if filesystem:
            if filesystem not in MAKERS:
                raise MachineError(
                    f"volume {volume_id}: no filesystem {filesystem}; there are {', '.join(MAKERS)}"
                )
            _run([*MAKERS[filesystem], str(unfinished)])
        unfinished.replace(image)
        self.device(volume_id)

    def device(self, volume_id: int) -> int:
        """The minor number of the volume's loop device, which is made anew after a reboot of this machine.

        Raises:
            MachineError: there is no such volume, or no loop device to be had.
        """
        image = self._image(volume_id)
        if not image.exists():
            raise MachineError(
                f"volume {volume_id} has no data at {image}; it was deleted by hand: delete the volume"
            )
        existing = _run(["losetup", "--associated", str(image), "--output", "NAME", "--noheadings"]).split()
        path = existing[0] if existing else _run(["losetup", "--find", "--show", str(image)]).strip()
        return int(path.removeprefix("/dev/loop"))

    def resize(self, volume_id: int, size_gb: int) -> None:
        """Enlarges the file and tells the device; never makes it smaller.

        Raises:
            MachineError: the volume is larger already.
        """
        image = self._image(volume_id)
        if image.stat().st_size > size_gb * GIGABYTE:
            raise MachineError(f"volume {volume_id} is larger than {size_gb} GB already, and cannot shrink")
        with image.open("r+b") as file:
            file.truncate(size_gb * GIGABYTE)
        _run(["losetup", "--set-capacity", f"/dev/loop{self.device(volume_id)}"])

    def delete(self, volume_id: int) -> None:
        """Destroys the volume; one that is gone is no error."""
        image = self._image(volume_id)
        if image.exists():
            for device in _run(
                ["losetup", "--associated", str(image), "--output", "NAME", "--noheadings"]
            ).split():
                _run(["losetup", "--detach", device])
            image.unlink()

    def _image(self, volume_id: int) -> Path:
        return self.folder / f"{volume_id}.img"


def _run(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        raise MachineError(f"{command[0]} is not on PATH, and volumes are made with it; install it")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout
