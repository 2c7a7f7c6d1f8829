"""What a new server is told at its first boot."""

import base64
import gzip
import json
from collections.abc import Sequence
from textwrap import indent

from components.host.scripts import DEPLOY_USER, script

MAXIMUM_BYTES = 32 * 1024
"""Hetzner's limit of `user_data`."""
BOOTSTRAP = "/usr/local/lib/jira-plus-plus/bootstrap.sh"


def user_data(
    deploy_public_key: str, host_private_key: str, host_public_key: str, bootstrap_arguments: Sequence[str]
) -> str:
    """The `#cloud-config` of a server: its host key, the deploy user, and the bootstrap script, run once.

    Holds `host_private_key` (OpenSSH): secret. Raises `ValueError` above Hetzner's limit of 32 KiB.
    """
    # Packed, half of the size: operators' keys need room. Without the time, so that equal stays equal.
    packed = base64.b64encode(gzip.compress(script("bootstrap.sh").encode(), mtime=0)).decode()
    command = json.dumps(["bash", BOOTSTRAP, *bootstrap_arguments])
    text = f"""\
#cloud-config
ssh_keys:
  ed25519_private: |
{indent(host_private_key.strip(), "    ")}
  ed25519_public: {json.dumps(host_public_key.strip())}
disable_root: true
ssh_pwauth: false
users:
  - name: {DEPLOY_USER}
    shell: /bin/bash
    lock_passwd: true
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    ssh_authorized_keys:
      - {json.dumps(deploy_public_key.strip())}
write_files:
  - path: {BOOTSTRAP}
    owner: root:root
    permissions: "0755"
    encoding: gz+b64
    content: {packed}
runcmd:
  - {command}
"""
    if (size := len(text.encode())) > MAXIMUM_BYTES:
        raise ValueError(
            f"user_data has {size} bytes, Hetzner takes {MAXIMUM_BYTES}: "
            "shorten host.ssh.authorized_keys or components/host/bootstrap.sh"
        )
    return text
