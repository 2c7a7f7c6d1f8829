"""The shell scripts of this package, and the command lines that run them.

Over ssh a script travels on stdin: argv stays short, and an error shows the command, not the whole script.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

DEPLOY_USER = "deploy"
"""Whom the program and the operators log in as: in group docker, with sudo, without a password."""


def script(name: str) -> str:
    """The text of a script beside this file."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def run_script(arguments: Sequence[str], *, interpreter: str = "bash", sudo: bool = True) -> str:
    """The command that runs the script that it is given on stdin."""
    return shlex.join([*(("sudo",) if sudo else ()), interpreter, "-s", "--", *arguments])


def bootstrap_arguments(
    swap_mb: int,
    ssh_users: Sequence[str],
    authorized_keys: Sequence[str],
    *,
    backup_at: str = "02:00",
    existing: bool = False,
    shared: bool = False,
    wait_for_cloud_init: bool = False,
) -> list[str]:
    """The arguments of `bootstrap.sh`.

    `swap_mb` is in MiB, 0 for none. `ssh_users` may log in besides the deploy user. `authorized_keys` are the
    operators' public keys. `backup_at` is when the nightly backup is made, HH:MM in UTC; after it the system
    may upgrade itself. `existing`: the server was there before; `shared`: others use it, too.
    `wait_for_cloud_init` must be false where cloud-init itself runs the script.
    """
    users = dict.fromkeys((DEPLOY_USER, *ssh_users))
    return [
        "--swap-mb",
        str(swap_mb),
        "--backup-at",
        backup_at,
        *(("--existing",) if existing else ()),
        *(("--shared",) if shared else ()),
        *(part for user in users for part in ("--ssh-user", user)),
        *(part for key in authorized_keys for part in ("--authorized-key", key)),
        *(("--wait-for-cloud-init",) if wait_for_cloud_init else ()),
    ]
