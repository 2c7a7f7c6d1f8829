"""Actions: running, then success or error, polled one by one or together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import hcloud
import pytest
from hcloud.actions import ActionFailedException

from rehearsal.machines import MachineError, ServerRecord
from rehearsal.machines.recorded import RecordedMachines
from tests.rehearsal.cloud.harness import Embedded, until


def test_an_action_runs_then_succeeds(make: Callable[..., Embedded]) -> None:
    cloud = make(action_seconds=0.4)
    made = cloud.good("POST", "/v1/volumes", {"name": "v", "size": 10, "location": "fsn1"})["action"]
    assert (made["status"], made["command"], made["finished"]) == ("running", "create_volume", None)
    assert made["progress"] < 100
    seen: list[int] = []
    until(
        lambda: (
            seen.append(cloud.good("GET", f"/v1/actions/{made['id']}")["action"]["progress"]) or 100 in seen
        )
    )
    assert seen == sorted(seen), "progress never goes back"
    assert 0 < max(progress for progress in seen if progress < 100) < 100, "and is seen on its way"
    ended = cloud.good("GET", f"/v1/actions/{made['id']}")["action"]
    assert (ended["status"], ended["progress"], ended["error"]) == ("success", 100, None)
    assert ended["finished"] >= ended["started"]


def test_several_are_asked_for_together(slow: Embedded) -> None:
    keys = []
    for number in range(3):
        made = slow.good("POST", "/v1/volumes", {"name": f"v{number}", "size": 10, "location": "fsn1"})
        keys.append(made["action"]["id"])
    query = "&".join(f"id={key}" for key in [*keys, 1])
    found = slow.good("GET", f"/v1/actions?{query}&page=1&sort=status&sort=id")
    assert [action["id"] for action in found["actions"]] == keys, "one that does not exist is left out"
    assert found["meta"]["pagination"]["total_entries"] == 3


def test_listing_all_actions_was_removed(cloud: Embedded) -> None:
    answer = cloud.ask("GET", "/v1/actions")
    assert (answer.status, answer.code) == (410, "deprecated_api_endpoint")


def test_actions_of_a_resource(cloud: Embedded) -> None:
    volume, other = cloud.volume(), cloud.volume("other")
    cloud.act("volumes", volume["id"], "resize", size=20)
    found = cloud.good("GET", f"/v1/volumes/{volume['id']}/actions")["actions"]
    assert [action["command"] for action in found] == ["create_volume", "resize_volume"]
    of_kind = cloud.good("GET", "/v1/volumes/actions")["actions"]
    assert len(of_kind) == 3
    assert {ref["id"] for action in of_kind for ref in action["resources"]} == {volume["id"], other["id"]}
    one = cloud.good("GET", f"/v1/volumes/{volume['id']}/actions/{found[0]['id']}")["action"]
    assert one == found[0]
    assert cloud.ask("GET", "/v1/actions/1").code == "not_found"


class Broken(RecordedMachines):
    """Machines of which some do not work."""

    def start(self, server_id: int) -> None:
        raise MachineError("no room for another machine; delete one")

    def delete(self, server_id: int) -> None:
        raise OSError("disk on fire")


def test_a_machine_that_fails_fails_the_action_with_its_words(
    make: Callable[..., Embedded], tmp_path: Path
) -> None:
    folder = tmp_path / "cloud"
    folder.mkdir()
    cloud = make(folder, Broken(folder))
    made = cloud.good("POST", "/v1/servers", {"name": "box", "server_type": "cx23", "image": "debian-12"})
    start = cloud.good("GET", f"/v1/actions/{made['next_actions'][0]['id']}")["action"]
    assert start["status"] == "error"
    assert start["error"] == {"code": "action_failed", "message": "no room for another machine; delete one"}
    key = made["server"]["id"]
    assert cloud.good("GET", f"/v1/servers/{key}")["server"]["status"] == "off"
    with pytest.raises(ActionFailedException, match="no room"):
        cloud.hetzner.servers.get_by_id(key).power_on().wait_until_finished()
    deleting = cloud.good("DELETE", f"/v1/servers/{key}")["action"]
    assert deleting["error"]["message"] == "OSError: disk on fire"
    assert cloud.good("GET", f"/v1/servers/{key}")["server"]["status"] == "off", (
        "a failed delete deletes nothing"
    )


class HalfMade(RecordedMachines):
    """Machines and volumes that break while they are made."""

    def create(self, server: ServerRecord) -> None:
        super().create(server)
        raise MachineError("the image is broken")

    def create_volume(self, volume_id: int, size_gb: int, filesystem: str | None) -> None:
        super().create_volume(volume_id, size_gb, filesystem)
        raise MachineError("the disk is full")


def test_what_broke_while_it_was_made_is_removed(make: Callable[..., Embedded], tmp_path: Path) -> None:
    folder = tmp_path / "cloud"
    folder.mkdir()
    cloud = make(folder, HalfMade(folder))
    body = {"name": "box", "server_type": "cx23", "image": "debian-12", "user_data": "canary"}
    server = cloud.good("POST", "/v1/servers", body)
    volume = cloud.good("POST", "/v1/volumes", {"name": "v", "size": 10, "location": "fsn1"})
    for made, text in ((server, "the image is broken"), (volume, "the disk is full")):
        assert made["action"]["error"] == {"code": "action_failed", "message": text}
    calls = [call["call"] for call in cloud.machine_calls()]
    assert calls[-5:] == ["create", "delete", "release_ipv4", "create_volume", "delete_volume"]
    assert cloud.state()["empty"]
    assert not list((folder / "user_data").iterdir()), "user_data does not outlive the attempt"


class Slow(RecordedMachines):
    """Machines that take until they are let go, one at a time per server."""

    boots = True

    def __init__(self, state: Path) -> None:
        super().__init__(state)
        self.go = threading.Event()
        self.inside = 0
        self.most = 0

    def create(self, server: ServerRecord) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.go.wait(5)
        self.inside -= 1
        super().create(server)


def test_requests_are_answered_while_a_machine_boots(make: Callable[..., Embedded], tmp_path: Path) -> None:
    folder = tmp_path / "cloud"
    folder.mkdir()
    machines = Slow(folder)
    cloud = make(folder, machines)
    made = cloud.good("POST", "/v1/servers", {"name": "box", "server_type": "cx23", "image": "debian-12"})
    assert made["action"]["status"] == "running", "booting takes its time whatever the actions take"
    until(lambda: machines.inside == 1)
    cloud.good("POST", "/v1/volumes", {"name": "v", "size": 10, "location": "fsn1"})
    assert cloud.good("GET", f"/v1/servers/{made['server']['id']}")["server"]["status"] == "initializing"
    machines.go.set()
    cloud.settle()
    assert cloud.good("GET", f"/v1/servers/{made['server']['id']}")["server"]["status"] == "running"


def test_the_official_client_retries_conflicts_and_rate_limits(
    cloud: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud.hetzner._client, "_retry_interval_func", lambda retries: 0.01)
    cloud.fault(kind="status", path="/v1/servers$", status=409, code="conflict", count=2)
    cloud.fault(kind="status", path="/v1/servers$", status=429, count=1)
    assert cloud.hetzner.servers.get_all() == []
    assert [entry["status"] for entry in cloud.requests()] == [409, 409, 429, 200]
    cloud.fault(kind="status", path="/v1/servers$", status=503, code="unavailable")
    with pytest.raises(hcloud.APIException) as caught:
        cloud.hetzner.servers.get_all()
    assert caught.value.code == "unavailable", "503 is not retried by the official client"
