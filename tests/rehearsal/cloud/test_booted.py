"""The cloud with machines that boot: what its API says is what Docker has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from rehearsal.machines.addresses import AddressBook
from tests.rehearsal.cloud.harness import Process, public_key, until

pytestmark = pytest.mark.live

USER_DATA = "#cloud-config\nruncmd: [touch /root/canary]\n"


@pytest.fixture
def booted(built: Callable[..., dict[str, str]], tmp_path: Path) -> Iterator[Process]:
    """A cloud that boots, emptied at the end."""
    built("machine_13")
    cloud = Process(tmp_path / "cloud", "--docker", "run")
    yield cloud
    if cloud.process.poll() is None:
        cloud.kill()
    last = Process(tmp_path / "cloud", "--docker", "run")
    try:
        for server in last.good("GET", "/v1/servers")["servers"]:
            last.ask("DELETE", f"/v1/servers/{server['id']}")
        last.settle(60)
        for volume in last.good("GET", "/v1/volumes")["volumes"]:
            last.ask("DELETE", f"/v1/volumes/{volume['id']}")
        last.settle(60)
    finally:
        last.terminate()


def test_a_server_boots_survives_the_clouds_death_and_goes_without_a_trace(
    client: docker.DockerClient, booted: Process, tmp_path: Path
) -> None:
    ours = {"label": f"jira-plus-plus.state={booted.folder.resolve()}"}

    def container() -> Any:
        (found,) = client.containers.list(all=True, filters=ours)
        return found

    booted.good("POST", "/v1/ssh_keys", {"name": "k", "public_key": public_key()})
    wall = booted.good("POST", "/v1/firewalls", {"name": "closed", "rules": []})["firewall"]["id"]
    body = {
        "name": "uat",
        "server_type": "cx23",
        "image": "debian-13",
        "location": "fsn1",
        "ssh_keys": ["k"],
        "firewalls": [{"firewall": wall}],
        "user_data": USER_DATA,
        "public_net": {"enable_ipv6": False},
    }
    made = booted.good("POST", "/v1/servers", body)
    assert made["action"]["status"] == "running"
    key = made["server"]["id"]
    assert made["server"]["public_net"]["ipv4"]["ip"].startswith("127.77.0.")
    booted.settle(60)
    assert booted.good("GET", f"/v1/servers/{key}")["server"]["status"] == "running"
    assert container().status == "running"
    assert container().attrs["Config"]["Hostname"] == "uat"
    until(lambda: container().exec_run(["test", "-f", "/root/canary"]).exit_code == 0, 90)

    volume = booted.volume()
    answer = booted.ask("POST", f"/v1/volumes/{volume['id']}/actions/attach", {"server": key})
    booted.settle(60)
    assert answer.status == 201
    device = volume["linux_device"]
    kind = container().exec_run(["blkid", "-o", "value", "-s", "TYPE", device]).output.strip()
    assert kind == b"ext4", "the volume is there under its name, formatted"

    booted.kill()
    began = container().attrs["State"]["StartedAt"]
    again = Process(booted.folder, "--docker", "run")
    try:
        assert again.good("GET", f"/v1/servers/{key}")["server"]["status"] == "running"
        assert container().attrs["State"]["StartedAt"] == began, "the machine did not notice"
        assert again.ask("POST", f"/v1/servers/{key}/actions/poweroff", {}).status == 201
        again.settle(60)
        assert container().status == "exited"
        again.kill()
        again = Process(booted.folder, "--docker", "run")
        assert again.good("GET", f"/v1/servers/{key}")["server"]["status"] == "off"
        again.good("DELETE", f"/v1/servers/{key}")
        again.settle(60)
        again.good("DELETE", f"/v1/volumes/{volume['id']}")
        again.good("DELETE", f"/v1/firewalls/{wall}")
        key_id = again.good("GET", "/v1/ssh_keys")["ssh_keys"][0]["id"]
        again.good("DELETE", f"/v1/ssh_keys/{key_id}")
        again.settle(60)
        assert again.state()["empty"]
        assert not client.containers.list(all=True, filters=ours)
        assert not client.volumes.list(filters=ours)
        assert AddressBook(booted.folder).held() == [], "its address is given back"
    finally:
        again.terminate()


def test_without_docker_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    began = time.monotonic()
    with pytest.raises(RuntimeError, match=r"rehearsal\.cloud: .*Docker"):
        Process(tmp_path / "cloud", "--docker", "run")
    assert time.monotonic() - began < 10
