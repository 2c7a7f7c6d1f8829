"""What is known of one machine, kept in the state folder so that a restarted cloud goes on with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from rehearsal.machines import FirewallRule, MachineError, ServerRecord

# Hetzner's servers have their disk as sda.
DEVICE_NAMES = tuple(f"sd{letter}" for letter in "bcdefghijklmnopq")


class Record(BaseModel):
    """A machine's record; user_data is not in it, the seed alone has that."""

    server: ServerRecord
    powered: bool = False
    volumes: dict[int, str] = {}
    """By volume id, the name under /dev, which stays while the volume is attached."""
    rules: list[FirewallRule] | None = None

    def attach(self, volume_id: int) -> None:
        """Notes an attached volume under the first free device name.

        Raises:
            MachineError: Hetzner attaches at most 16 volumes, and so many are.
        """
        free = [name for name in DEVICE_NAMES if name not in self.volumes.values()]
        if not free:
            raise MachineError(f"server {self.server.id} has {len(DEVICE_NAMES)} volumes, the most that fit")
        self.volumes.setdefault(volume_id, free[0])


class Records:
    """The records of one state folder: `<server id>/machine.json`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is not there."""
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    def ids(self) -> Sequence[int]:
        """The servers that there are."""
        return sorted(int(path.parent.name) for path in self.folder.glob("*/machine.json"))

    def find(self, server_id: int) -> Record | None:
        """The record of a server, or None."""
        path = self._path(server_id)
        return Record.model_validate_json(path.read_text()) if path.exists() else None

    def get(self, server_id: int) -> Record:
        """The record of a server.

        Raises:
            MachineError: there is none.
        """
        record = self.find(server_id)
        if record is None:
            raise MachineError(f"server {server_id} has no machine in {self.folder}; delete the server")
        return record

    def put(self, record: Record) -> None:
        """Writes a record, whole or not at all."""
        path = self._path(record.server.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".new")
        unfinished.write_text(record.model_dump_json(indent=1, exclude={"server": {"user_data"}}) + "\n")
        unfinished.replace(path)

    def _path(self, server_id: int) -> Path:
        return self.folder / str(server_id) / "machine.json"
