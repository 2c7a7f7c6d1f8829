"""A server from elsewhere: bare Debian with an sshd, its owner's key, and nothing prepared."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.machines import ServerRecord
from rehearsal.machines.docker import DockerMachines
from tests.playbook.waiting import seconds_until

SERVER, KEY = 1, "owner"
MEMORY_MB = 4096
BOOT_SECONDS = 90


@dataclass(frozen=True)
class Server:
    """Where it is, and what its owner knows of it."""

    address: str
    private_key: str
    """What root logs in with."""
    host_key: str
    """As `ssh-keyscan` prints it."""
    folder: Path

    def ssh(self, command: str) -> str:
        """What a command prints that its owner runs on it, as root."""
        known_hosts = self.folder / "known_hosts"
        known_hosts.write_text(f"{self.address} {self.host_key}\n")
        options = (f"UserKnownHostsFile={known_hosts}", "IdentitiesOnly=yes", "BatchMode=yes")
        done = subprocess.run(
            [
                "ssh",
                "-i",
                self.folder / KEY,
                *(f"-o{option}" for option in options),
                f"root@{self.address}",
                command,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout


@contextmanager
def rented(folder: Path) -> Iterator[Server]:
    """Boots one, with its state in `folder`; it is gone afterwards."""
    key = folder / KEY
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", KEY, "-f", key], check=True)
    machines = DockerMachines(folder / "machines")
    address = machines.allocate_ipv4()
    public = key.with_suffix(".pub").read_text().strip()
    try:
        machines.create(
            ServerRecord(SERVER, "vps", "vps", address, "debian-13-bare", MEMORY_MB, 2, (public,), "")
        )
        machines.start(SERVER)
        scans: list[str] = []

        def shows_its_key() -> bool:
            scans.append(_host_key(address))
            return bool(scans[-1])

        seconds_until("sshd shows its key", shows_its_key, BOOT_SECONDS)
        yield Server(address, key.read_text(), scans[-1], folder)
    finally:
        machines.delete(SERVER)
        machines.release_ipv4(address)


def _host_key(address: str) -> str:
    scan = ["ssh-keyscan", "-t", "ed25519", address]
    found = subprocess.run(scan, capture_output=True, text=True, check=False).stdout
    return found.partition(" ")[2].strip()
