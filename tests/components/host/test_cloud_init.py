"""The user_data of a server: exact text, and what cloud-init reads in it."""

import base64
import gzip
from pathlib import Path

import pytest
import yaml

from components.host.cloud_init import MAXIMUM_BYTES, user_data

BOOTSTRAP = Path(__file__).parents[3] / "components" / "host" / "bootstrap.sh"
HOST_PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----\n"
HEAD = """\
#cloud-config
ssh_keys:
  ed25519_private: |
    -----BEGIN OPENSSH PRIVATE KEY-----
    b3Blbn
    -----END OPENSSH PRIVATE KEY-----
  ed25519_public: "ssh-ed25519 HOST"
disable_root: true
ssh_pwauth: false
users:
  - name: deploy
    shell: /bin/bash
    lock_passwd: true
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    ssh_authorized_keys:
      - "ssh-ed25519 DEPLOY"
write_files:
  - path: /usr/local/lib/jira-plus-plus/bootstrap.sh
    owner: root:root
    permissions: "0755"
    encoding: gz+b64
    content: """
TAIL = """
runcmd:
  - ["bash", "/usr/local/lib/jira-plus-plus/bootstrap.sh", "--swap-mb", "2048", "--authorized-key", \
"ssh-ed25519 AAAA a \\"b\\""]
"""


def text() -> str:
    arguments = ["--swap-mb", "2048", "--authorized-key", 'ssh-ed25519 AAAA a "b"']
    return user_data("ssh-ed25519 DEPLOY\n", HOST_PRIVATE_KEY, "ssh-ed25519 HOST\n", arguments)


def test_the_text_is_exactly_this_around_the_script() -> None:
    assert text().startswith(HEAD)
    assert text().endswith(TAIL)
    assert "\n" not in text().removeprefix(HEAD).removesuffix(TAIL)


def test_cloud_init_reads_back_the_script_unchanged() -> None:
    (file,) = yaml.safe_load(text())["write_files"]
    assert file["encoding"] == "gz+b64"
    packed = base64.b64decode(file["content"])
    assert gzip.decompress(packed) == BOOTSTRAP.read_bytes()
    assert packed[4:8] == bytes(4), "the time would make each text another (RFC 1952, MTIME)"


def test_cloud_init_reads_back_keys_and_command() -> None:
    known = yaml.safe_load(text())
    assert known["ssh_keys"]["ed25519_private"] == HOST_PRIVATE_KEY
    assert known["runcmd"] == [
        [
            "bash",
            "/usr/local/lib/jira-plus-plus/bootstrap.sh",
            *("--swap-mb", "2048", "--authorized-key", 'ssh-ed25519 AAAA a "b"'),
        ]
    ]
    assert "root" not in [user["name"] for user in known["users"]]


def test_it_is_well_below_hetzners_limit() -> None:
    assert len(text().encode()) < MAXIMUM_BYTES * 2 / 5, "operators' keys need room"


def test_above_hetzners_limit_it_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        ValueError, match=r"user_data has \d+ bytes, Hetzner takes 32768: shorten host\.ssh\."
    ):
        user_data("", "", "", ["--authorized-key", "x" * MAXIMUM_BYTES])
