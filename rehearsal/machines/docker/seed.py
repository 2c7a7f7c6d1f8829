"""The folder that a machine is given at every boot: cloud-init's NoCloud seed and the list of its volumes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rehearsal.machines import ServerRecord
from rehearsal.machines.docker.network import REGISTRY

REGISTRY_PORT = 5000


class Seed:
    """The seed folder of one machine. It holds user_data, so nobody but its owner may read it."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made by `write`."""
        self.folder = folder

    def write(self, server: ServerRecord, *, keep_user_data: bool = False) -> None:
        """Writes what cloud-init reads; the instance id is the server's, so a second boot repeats nothing."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        meta_data = {
            "instance-id": str(server.id),
            "local-hostname": server.hostname,
            "public-keys": list(server.public_keys),
        }
        # JSON is YAML, which is what cloud-init reads.
        _write(self.folder / "meta-data", json.dumps(meta_data, indent=1) + "\n")
        _write(self.folder / "rehearsal.env", f"REGISTRY={REGISTRY}:{REGISTRY_PORT}\n")
        if not keep_user_data:
            _write(self.folder / "user-data", server.user_data or "#cloud-config\n{}\n")
        if not (self.folder / "volumes").exists():
            self.list_volumes({})

    def list_volumes(self, volumes: Mapping[int, tuple[str, int]]) -> None:
        """Lists the attached volumes: by id, the name under /dev and the minor number of the loop device."""
        _write(
            self.folder / "volumes",
            "".join(f"{volume_id} {name} {minor}\n" for volume_id, (name, minor) in volumes.items()),
        )


def _write(path: Path, text: str) -> None:
    # In place: the folder is mounted into the machine, and the file stays the same one there.
    path.touch(mode=0o600)
    path.write_text(text)
