"""The recorded engine refuses what Docker refuses, and forgets a host with its machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.machines import ServerRecord
from rehearsal.machines.recorded import RecordedMachines
from rehearsal.plugins.docker.engine import EngineError
from rehearsal.plugins.docker.recorded import RecordedEngine, host_name

ADDRESS = "203.0.113.9"


@pytest.fixture
def engine(tmp_path: Path) -> RecordedEngine:
    engine = RecordedEngine(tmp_path / "docker", ADDRESS)
    engine.pull_image("shop/api:1", "", None)
    return engine


def container(engine: RecordedEngine, name: str, **host: Any) -> str:
    body = {
        "Image": "shop/api:1",
        "Healthcheck": {"Test": ["CMD", "true"]},
        "HostConfig": {"LogConfig": {"Type": "", "Config": {}}, **host},
    }
    return engine.create_container(name, body, "")


def events(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "docker" / "events.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("ssh://deploy@203.0.113.9:22", ADDRESS),
        ("tcp://203.0.113.9:2375", ADDRESS),
        ("unix:///var/run/docker.sock", "local"),
    ],
)
def test_a_host_is_known_by_its_address(host: str, name: str) -> None:
    assert host_name(host) == name


def test_a_name_is_used_once(engine: RecordedEngine) -> None:
    container(engine, "api")
    with pytest.raises(EngineError, match='The container name "/api" is already in use') as refused:
        container(engine, "api")
    assert refused.value.status == 409


def test_an_image_must_have_been_pulled(engine: RecordedEngine) -> None:
    body = {"Image": "shop/web:1", "HostConfig": {"LogConfig": {"Type": "", "Config": {}}}}
    with pytest.raises(EngineError, match="No such image: shop/web:1"):
        engine.create_container("web", body, "")


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("0.0.0.0", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
    ],
)
def test_a_host_port_is_bound_once_per_address(
    engine: RecordedEngine, first: str, second: str, clash: bool
) -> None:
    def bound(address: str) -> dict[str, Any]:
        return {"80/tcp": [{"HostIp": address, "HostPort": "8080"}]}

    engine.start_container(container(engine, "one", PortBindings=bound(first)))
    other = container(engine, "two", PortBindings=bound(second))
    if clash:
        with pytest.raises(EngineError, match=f"Bind for {second}:8080 failed: port is already allocated"):
            engine.start_container(other)
    else:
        engine.start_container(other)


def test_a_port_is_free_again_once_its_container_stopped(engine: RecordedEngine) -> None:
    ports = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    one = container(engine, "one", PortBindings=ports)
    engine.start_container(one)
    engine.stop_container(one, 0)
    engine.start_container(container(engine, "two", PortBindings=ports))


def test_a_network_with_running_containers_stays(engine: RecordedEngine) -> None:
    network = engine.create_network({"Name": "data"})
    with pytest.raises(EngineError, match="network with name data already exists"):
        engine.create_network({"Name": "data"})
    one = container(engine, "one")
    engine.connect("data", one, {"Aliases": ["db"]})
    engine.start_container(one)
    with pytest.raises(EngineError, match="has active endpoints"):
        engine.remove_network(network)
    engine.remove_container(one, True)
    engine.remove_network(network)
    with pytest.raises(EngineError, match="not found"):
        engine.inspect_network(network)


def test_containers_on_a_network_have_different_addresses(engine: RecordedEngine) -> None:
    engine.create_network({"Name": "data"})
    addresses = set()
    for name in ("one", "two"):
        made = container(engine, name)
        engine.connect("data", made, {})
        addresses.add(engine.inspect_container(made)["NetworkSettings"]["Networks"]["data"]["IPAddress"])
    assert len(addresses) == 2


def test_a_volume_in_use_stays(engine: RecordedEngine) -> None:
    engine.create_volume({"Name": "pg"})
    one = container(engine, "one", Binds=["pg:/data:rw"])
    with pytest.raises(EngineError, match="volume is in use"):
        engine.remove_volume("pg")
    engine.remove_container(one, True)
    engine.remove_volume("pg")


def test_an_image_in_use_stays(engine: RecordedEngine) -> None:
    container(engine, "one")
    with pytest.raises(EngineError, match="conflict: unable to remove repository reference"):
        engine.remove_image("shop/api:1", force=False)


def test_images_of_one_digest_are_one_image(engine: RecordedEngine) -> None:
    digest = "sha256:" + "ab" * 32
    for tag in ("1.0", "1"):
        engine.pull_image(f"ghcr.io/shop/web:{tag}@{digest}", "", None)
    one, other = (engine.inspect_image(f"ghcr.io/shop/web:{tag}@{digest}")["Id"] for tag in ("1.0", "1"))
    assert one == other
    assert engine.inspect_image(one)["RepoDigests"] == [f"ghcr.io/shop/web@{digest}"]


def test_memory_above_its_swap_limit_is_refused(engine: RecordedEngine) -> None:
    one = container(engine, "one", Memory=64, MemorySwap=64)
    with pytest.raises(EngineError, match="already set memoryswap limit"):
        engine.update_container(one, {"Memory": 128, "MemorySwap": 0})
    engine.update_container(one, {"Memory": 128, "MemorySwap": 128})
    assert engine.inspect_container(one)["HostConfig"]["Memory"] == 128


def test_health_comes_with_time_and_faults_are_named(engine: RecordedEngine, tmp_path: Path) -> None:
    faults = tmp_path / "docker" / "faults.json"
    faults.write_text('{"healthy_after_seconds": 3600}')
    one = container(engine, "one")
    engine.start_container(one)
    assert engine.inspect_container(one)["State"]["Health"]["Status"] == "starting"
    faults.write_text('{"unhealthy": ["shop/api:*"]}')
    assert engine.inspect_container(one)["State"]["Health"]["Status"] == "unhealthy"
    faults.unlink()
    assert engine.inspect_container(one)["State"]["Health"]["Status"] == "healthy"
    faults.write_text('{"unhealthi": []}')
    with pytest.raises(EngineError, match=r"faults\.json: unknown fault unhealthi: remove it"):
        engine.start_container(container(engine, "two"))


def test_grace_shows_in_the_events(engine: RecordedEngine, tmp_path: Path) -> None:
    for name, grace in (("gentle", 10), ("hard", 0)):
        made = container(engine, name)
        engine.start_container(made)
        engine.stop_container(made, grace)
    seen = [(event["event"], event["name"]) for event in events(tmp_path) if event["kind"] == "containers"]
    assert [event for event, name in seen if name == "gentle"] == ["create", "start", "sigterm", "exit"]
    assert [event for event, name in seen if name == "hard"] == ["create", "start", "kill"]


def test_several_processes_never_take_one_name_twice(engine: RecordedEngine, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def take(_: int) -> bool:
        try:
            container(RecordedEngine(tmp_path / "docker", ADDRESS), "same")
        except EngineError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(16))) == 1


@pytest.mark.parametrize("end", ["delete", "rebuild", "new server"])
def test_the_containers_of_a_machine_go_with_it(tmp_path: Path, end: str) -> None:
    cloud = tmp_path / "cloud"
    cloud.mkdir()
    machines = RecordedMachines(cloud)
    server = ServerRecord(1, "box", "box", ADDRESS, "debian-12", 4096, 2)
    machines.create(server)
    engine = RecordedEngine(tmp_path / "docker", ADDRESS)
    engine.pull_image("shop/api:1", "", None)
    made = container(engine, "api")
    if end == "delete":
        RecordedMachines(cloud).delete(1)  # by another process of the cloud, later
    elif end == "rebuild":
        machines.rebuild(server, keep_user_data=True)
    else:
        machines.create(ServerRecord(2, "box", "box", ADDRESS, "debian-12", 4096, 2))
    with pytest.raises(EngineError, match="No such container"):
        engine.inspect_container(made)
