"""A key pair, a server made for it, and a shell on that server."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal.machines import FirewallRule, ServerRecord

BOOT_SECONDS = 60
SSH_FAILED = 255

OPEN_SSH = FirewallRule("in", "tcp", "22", ("127.0.0.0/24",))


@dataclass
class Keys:
    """Two key pairs: who logs in, and the host key that the machine is given."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("login", "host"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.folder / name],
                check=True,
            )

    def public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text().strip()

    def user_data(self) -> str:
        private = "\n".join("    " + line for line in (self.folder / "host").read_text().splitlines())
        return f"""#cloud-config
ssh_keys:
  ed25519_private: |
{private}
  ed25519_public: {self.public("host")}
users:
  - name: deploy
    groups: [docker]
    shell: /bin/bash
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    ssh_authorized_keys: ["{self.public("login")}"]
runcmd:
  - [sh, -c, "echo first boot >> /root/boots"]
"""


@dataclass
class Ssh:
    """A shell on a machine, with its host key pinned."""

    keys: Keys
    address: str

    def __call__(self, command: str, *, source: str | None = None, seconds: float = 30) -> str:
        """What the command prints; AssertionError if it fails."""
        done = self.attempt(command, source=source, seconds=seconds)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def attempt(
        self, command: str, *, source: str | None = None, seconds: float = 30
    ) -> subprocess.CompletedProcess[str]:
        known_hosts = self.keys.folder / f"known_hosts-{self.address}"
        known_hosts.write_text(f"{self.address} {self.keys.public('host')}\n")
        options = {
            "IdentityFile": self.keys.folder / "login",
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": known_hosts,
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": "2",
            "BatchMode": "yes",
        }
        flags = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        bind = ["-b", source] if source else []
        return subprocess.run(
            ["ssh", *flags, *bind, f"deploy@{self.address}", command],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def wait(self) -> None:
        """Until cloud-init is done, or BOOT_SECONDS have passed."""
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            done = self.attempt("cloud-init status --wait", seconds=BOOT_SECONDS)
            if done.returncode != SSH_FAILED:
                break
            assert time.monotonic() < deadline, f"no ssh after {BOOT_SECONDS} s: {done.stderr}"
            time.sleep(0.1)
        assert done.returncode == 0, done.stdout + done.stderr


def record(server_id: int, address: str, keys: Keys, image: str) -> ServerRecord:
    name = f"test-{server_id}"
    return ServerRecord(server_id, name, name, address, image, 2048, 2, (), keys.user_data())
