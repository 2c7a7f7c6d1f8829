"""The ssh keys of a machine: the one that the program logs in with, and the one that proves the machine."""

import hashlib
import os
import pwd
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_tls as tls

UNUSED_DAYS = 30
"""So long after the last run of its stack on this machine a key is forgotten here; the next run writes it."""


@dataclass(frozen=True)
class KeysArgs:
    """`host`: whether the machine is a new one, whose host key is made here."""

    host: bool


class Keys(pulumi.ComponentResource):
    """ED25519 keys, made by the program: no human types or keeps one."""

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Keys", name, {}, opts)

        def key(part: str) -> tls.PrivateKey:
            return tls.PrivateKey(
                f"{name}-{part}-key", algorithm="ED25519", opts=pulumi.ResourceOptions(parent=self)
            )

        self.deploy = key("deploy")
        self.host = key("host") if args.host else None
        # In the state from the moment at which the files can be there: who takes the stack down looks for it.
        self.folder = self.deploy.public_key_openssh.apply(ssh_folder)
        self.register_outputs({"deploy_public_key": self.deploy.public_key_openssh, "folder": self.folder})


def ssh_home() -> Path:
    """The folder that ssh means by `~`: of the user's account, whatever HOME says."""
    return Path(pwd.getpwuid(os.geteuid()).pw_dir)


def ssh_folder(deploy_public_key: str) -> str:
    """Where the two files of a deploy key lie. The text is the same on every machine; ssh expands the `~`."""
    fingerprint = hashlib.sha256(deploy_public_key.strip().encode()).hexdigest()[:12]
    return f"~/.ssh/jira-plus-plus/{fingerprint}"


def ssh_options(folder: str) -> list[str]:
    """What an ssh client is told: this key, this known host, and nothing else."""
    return [
        *("-o", f"IdentityFile={folder}/id_ed25519"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", f"UserKnownHostsFile={folder}/known_hosts"),
        *("-o", "StrictHostKeyChecking=yes"),
    ]


ONE_CONNECTION = (
    *("-o", "ControlMaster=auto"),
    *("-o", "ControlPath=~/.ssh/jpp-%C"),
    *("-o", "ControlPersist=10"),
)
"""For whoever asks often: all with these options share one, to the same server as the same user."""


def docker_ssh_options(folder: str) -> list[str]:
    """What Docker's ssh clients are told as well: one connection for all that they ask.

    There is one for each request, which a limit of connections takes for an attack (`ufw limit`: 6 in 30 s;
    fail2ban; sshd's PerSourcePenalties). The connection ends 10 s after the last of them, or when the server
    is gone: another one may have its address by then. The path must be short: it is a socket's.
    """
    return [
        *ssh_options(folder),
        *ONE_CONNECTION,
        *("-o", "ServerAliveInterval=5"),
        *("-o", "ServerAliveCountMax=2"),
    ]


def known_host(address: str, port: int, host_public_key: str) -> str:
    """The line of `known_hosts` that pins a server's key."""
    name = address if port == 22 else f"[{address}]:{port}"
    return f"{name} {' '.join(host_public_key.split()[:2])}\n"


def write_ssh_files(folder: str, private_key: str, known_hosts: str) -> None:
    """Writes `id_ed25519` and `known_hosts` (mode 0600): Docker's ssh client reads them from files only."""
    target = ssh_home() / folder.removeprefix("~/")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in (("id_ed25519", private_key.strip() + "\n"), ("known_hosts", known_hosts)):
        # Renamed into place: another run of the program may be using the file.
        with tempfile.NamedTemporaryFile("w", dir=target, prefix=f"{name}.", delete=False) as file:
            file.write(text)
        Path(file.name).replace(target / name)
    _forget_unused(target.parent)


def _forget_unused(folder: Path) -> None:
    """Removes the files of stacks not run here for `UNUSED_DAYS`: `pulumi destroy`, say, runs no program."""
    for stale in folder.iterdir():
        days = (time.time() - stale.stat().st_mtime) / 86400
        if re.fullmatch("[0-9a-f]{12}", stale.name) and days > UNUSED_DAYS:
            shutil.rmtree(stale, ignore_errors=True)
