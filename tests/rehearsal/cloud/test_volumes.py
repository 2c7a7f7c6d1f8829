"""Volumes: made by location, attached, enlarged, protected, never deleted while attached."""

from __future__ import annotations

import pytest
from hcloud.locations import Location

from tests.rehearsal.cloud.harness import Embedded


def test_the_official_client_makes_attaches_and_detaches(slow: Embedded) -> None:
    server = slow.hetzner.servers.get_by_id(slow.server()["id"])
    made = slow.hetzner.volumes.create(name="data", size=10, location=Location(name="fsn1"), format="ext4")
    assert made.volume.status == "creating"
    made.action.wait_until_finished()
    volume = slow.hetzner.volumes.get_by_id(made.volume.id)
    assert volume.status == "available"
    assert volume.linux_device == f"/dev/disk/by-id/scsi-0HC_Volume_{volume.id}"
    volume.attach(server).wait_until_finished()
    volume.reload()
    assert volume.server.id == server.id
    assert slow.good("GET", f"/v1/servers/{server.id}")["server"]["volumes"] == [volume.id]
    volume.detach().wait_until_finished()
    volume.reload()
    assert volume.server is None
    volume.delete()
    slow.settle()
    assert slow.state()["counts"]["volume"] == 0


def test_an_attached_volume_is_not_deleted(cloud: Embedded) -> None:
    server, volume = cloud.server(), cloud.volume()
    cloud.act("volumes", volume["id"], "attach", server=server["id"])
    answer = cloud.ask("DELETE", f"/v1/volumes/{volume['id']}")
    assert answer.status == 422
    assert "attached" in answer.message
    cloud.act("volumes", volume["id"], "detach")
    assert cloud.ask("DELETE", f"/v1/volumes/{volume['id']}").status == 204


def test_a_volume_hangs_on_one_server(cloud: Embedded) -> None:
    first, second, volume = cloud.server("a"), cloud.server("b"), cloud.volume()
    cloud.act("volumes", volume["id"], "attach", server=first["id"])
    for server in (first, second):
        answer = cloud.act("volumes", volume["id"], "attach", server=server["id"])
        assert (answer.status, answer.code) == (422, "volume_already_attached")


def test_a_volume_is_attached_only_where_it_is(cloud: Embedded) -> None:
    server, volume = cloud.server(), cloud.volume(location="hel1")
    assert cloud.act("volumes", volume["id"], "attach", server=server["id"]).code == "invalid_input"
    assert cloud.act("volumes", volume["id"], "attach", server=1).code == "not_found"


def test_volumes_only_grow(cloud: Embedded) -> None:
    key = cloud.volume()["id"]
    assert cloud.act("volumes", key, "resize", size=20).status == 201
    assert cloud.good("GET", f"/v1/volumes/{key}")["volume"]["size"] == 20
    for size in (20, 10, 10241):
        answer = cloud.act("volumes", key, "resize", size=size)
        assert (answer.status, answer.code) == (422, "invalid_input"), size
    assert [call["size_gb"] for call in cloud.machine_calls() if call["call"] == "resize_volume"] == [20]


def test_protection_holds(cloud: Embedded) -> None:
    key = cloud.volume()["id"]
    cloud.act("volumes", key, "change_protection", delete=True)
    answer = cloud.ask("DELETE", f"/v1/volumes/{key}")
    assert (answer.status, answer.code) == (423, "protected")
    cloud.act("volumes", key, "change_protection", delete=False)
    assert cloud.ask("DELETE", f"/v1/volumes/{key}").status == 204


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"size": 9}, "size"),
        ({"size": 10241}, "size"),
        ({"size": "10"}, "size"),
        ({"name": "-x"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"format": "btrfs"}, "format"),
        ({"location": "mars1"}, "location"),
        ({"location": None}, "location"),
        ({"automount": True}, "automount"),
    ],
)
def test_what_does_not_pass_is_refused(cloud: Embedded, change: dict[str, object], field: str) -> None:
    answer = cloud.ask("POST", "/v1/volumes", {"name": "v", "size": 10, "location": "fsn1", **change})
    assert (answer.status, answer.code) == (422, "invalid_input")
    assert answer.body["error"]["details"]["fields"][0]["name"] == field


def test_a_volume_may_be_made_for_a_server(cloud: Embedded) -> None:
    server = cloud.server()
    made = cloud.good("POST", "/v1/volumes", {"name": "v", "size": 10, "server": server["id"]})
    assert [action["command"] for action in made["next_actions"]] == ["attach_volume"]
    volume = cloud.good("GET", f"/v1/volumes/{made['volume']['id']}")["volume"]
    assert (volume["server"], volume["location"]["name"]) == (server["id"], "fsn1")


def test_a_server_may_be_made_with_volumes(cloud: Embedded) -> None:
    volume = cloud.volume()
    assert cloud.server(volumes=[volume["id"]])["volumes"] == [volume["id"]]
    calls = [call["call"] for call in cloud.machine_calls()]
    assert calls.index("attach_volume") > calls.index("create"), "a machine must be there to attach to"


def test_names_are_unique(cloud: Embedded) -> None:
    cloud.volume()
    answer = cloud.ask("POST", "/v1/volumes", {"name": "data", "size": 10, "location": "fsn1"})
    assert (answer.status, answer.code) == (409, "uniqueness_error")


def test_detaching_what_hangs_nowhere_is_refused(cloud: Embedded) -> None:
    assert cloud.act("volumes", cloud.volume()["id"], "detach").status == 422
