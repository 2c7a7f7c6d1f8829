"""Machines to test on: booted once for a file, removed at its end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from rehearsal.machines.docker import DockerMachines
from rehearsal.machines.docker.machines import IMAGES
from rehearsal.machines.docker.network import private_address
from tests.live.machines.shell import OPEN_SSH, Keys, Ssh, record


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="module")
def image() -> str:
    """What the machines of a file boot, as Hetzner names it; a file for which that matters has it vary."""
    return "debian-13"


@pytest.fixture(scope="module")
def machines(
    client: docker.DockerClient, built: Callable[..., dict[str, str]], state: Path, image: str
) -> Iterator[DockerMachines]:
    """The machines of one cloud. What a test leaves is removed, and that nothing stays behind is asserted."""
    built(IMAGES[image])
    machines = DockerMachines(state)
    yield machines
    folders = [path for kind in ("servers", "volumes") for path in (state / kind).iterdir()]
    addresses = machines._addresses.held()
    for path in folders:
        if path.suffix == ".img":
            machines.delete_volume(int(path.stem))
        else:
            machines.delete(int(path.name))
    for address in addresses:
        machines.release_ipv4(address)
    ours = {"label": f"jira-plus-plus.state={state}"}
    assert not client.containers.list(all=True, filters=ours), "a container stayed behind"
    assert not client.volumes.list(filters=ours), "a Docker volume stayed behind"
    assert str(state) not in _output("losetup", "--list"), "a loop device stayed behind"
    tables = _output("nft", "list", "tables")
    left = [address for address in addresses if private_address(address).replace(".", "_") in tables]
    assert not left, "a firewall stayed behind"


@pytest.fixture(scope="module")
def boot(machines: DockerMachines, keys: Keys, image: str) -> Callable[[int], Ssh]:
    """Boots a server of that number behind a firewall that lets ssh through, and waits for cloud-init."""

    def boot(server_id: int, volumes: tuple[int, ...] = ()) -> Ssh:
        address = machines.allocate_ipv4()
        machines.create(record(server_id, address, keys, image))
        machines.set_firewall(server_id, [OPEN_SSH])
        for volume in volumes:
            machines.attach_volume(volume, server_id)
        machines.start(server_id)
        ssh = Ssh(keys, address)
        ssh.wait()
        return ssh

    return boot


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
