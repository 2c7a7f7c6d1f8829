"""How many connections Docker's ssh clients make, against the sshd of this machine on a port of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.host.keys import docker_ssh_options, known_host
from tests.ports import free_ports

SSHD = "/usr/sbin/sshd"
REQUESTS = 8


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A running sshd's port and its log."""
    if not (Path(SSHD).exists() and os.geteuid() == 0):
        pytest.skip("needs sshd and root")
    for name in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    (port,) = free_ports(1)
    log = tmp_path / "log"
    options = (
        f"Port={port}",
        "ListenAddress=127.0.0.1",
        f"HostKey={tmp_path}/host",
        f"AuthorizedKeysFile={tmp_path}/client.pub",
        "StrictModes=no",
        "PidFile=none",
        "UsePAM=no",
        "PermitRootLogin=yes",
        "LogLevel=VERBOSE",
    )
    argv = [SSHD, "-D", "-f", "/dev/null", "-E", str(log)]
    (tmp_path / "client").rename(tmp_path / "id_ed25519")
    host_key = (tmp_path / "host.pub").read_text()
    (tmp_path / "known_hosts").write_text(known_host("127.0.0.1", port, host_key))
    with subprocess.Popen([*argv, *(word for option in options for word in ("-o", option))]) as process:
        end = time.monotonic() + 10
        while not (log.exists() and "listening" in log.read_text()):
            assert time.monotonic() < end, "sshd did not start"
            time.sleep(0.05)
        yield port, log
        process.terminate()


def test_all_of_dockers_requests_share_one_connection(log: tuple[int, Path], tmp_path: Path) -> None:
    """infrastructure C5 (scp-action#172, terraform-provider-docker#262): a limit drops the sixth in 30 s."""
    port, lines = log
    (Path.home() / ".ssh").mkdir(mode=0o700, exist_ok=True)  # a deploy has it from `write_ssh_files`
    for number in range(REQUESTS):
        options = docker_ssh_options(str(tmp_path))
        asked = ["ssh", *options, "-p", str(port), "root@127.0.0.1", "echo", str(number)]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr + lines.read_text()
        assert done.stdout == f"{number}\n"
    assert lines.read_text().count("Connection from 127.0.0.1") == 1
