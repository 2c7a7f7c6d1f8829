"""Servers, asked for by the official client and in raw HTTP."""

from __future__ import annotations

import hcloud
import pytest
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType
from hcloud.servers import ServerCreatePublicNetwork

from tests.rehearsal.cloud.harness import Embedded, public_key


def test_the_official_client_makes_a_server_and_waits_for_its_actions(slow: Embedded) -> None:
    client = slow.hetzner
    key = client.ssh_keys.create(name="deploy", public_key=public_key())
    wall = client.firewalls.create(name="edge").firewall
    address = client.primary_ips.create(name="v4", type="ipv4", location=Location(name="fsn1")).primary_ip
    made = client.servers.create(
        name="uat",
        server_type=ServerType(name="cx23"),
        image=Image(id=114690387),
        location=Location(name="fsn1"),
        ssh_keys=[key],
        firewalls=[wall],
        user_data="#cloud-config\n",
        labels={"stack": "uat"},
        public_net=ServerCreatePublicNetwork(ipv4=address, enable_ipv6=False),
    )
    assert made.root_password is None, "with an ssh key no password is made"
    assert made.action.command == "create_server"
    assert made.action.status == "running", "creating a server takes time"
    assert [action.command for action in made.next_actions] == ["start_server"]
    assert made.server.status == "initializing"
    assert made.server.data_model.locked, "a server that is being made is locked"
    for action in (made.action, *made.next_actions):
        action.wait_until_finished()
    server = client.servers.get_by_id(made.server.id)
    assert server.status == "running"
    assert server.public_net.ipv4.ip == address.ip
    assert server.public_net.ipv6 is None, "IPv6 was switched off"
    assert [one.firewall.id for one in server.public_net.firewalls] == [wall.id]
    assert server.server_type.name == "cx23"
    assert server.image.name == "debian-12"
    assert server.primary_disk_size == 40
    assert server.labels == {"stack": "uat"}
    assert client.primary_ips.get_by_id(address.id).assignee_id == server.id


def test_user_data_and_ssh_keys_are_never_shown(cloud: Embedded) -> None:
    cloud.good("POST", "/v1/ssh_keys", {"name": "k", "public_key": public_key()})
    server = cloud.server(user_data="#cloud-config\n# canary-8841", ssh_keys=["k"])
    assert "user_data" not in server
    assert "ssh_keys" not in server
    assert "public_keys" not in server


def test_machines_are_made_from_what_was_asked(cloud: Embedded) -> None:
    key = public_key()
    cloud.good("POST", "/v1/ssh_keys", {"name": "k", "public_key": key})
    server = cloud.server(user_data="#cloud-config\n", ssh_keys=["k"], server_type="cx33")
    made = next(call for call in cloud.machine_calls() if call["call"] == "create")["server"]
    assert made == {
        "id": server["id"],
        "name": "box",
        "hostname": "box",
        "ipv4": server["public_net"]["ipv4"]["ip"],
        "image": "debian-12",
        "memory_mb": 8192,
        "cpus": 4,
        "public_keys": [key],
        "user_data_bytes": 14,
    }


def test_without_a_key_there_is_a_root_password(cloud: Embedded) -> None:
    made = cloud.good("POST", "/v1/servers", {"name": "box", "server_type": "cx23", "image": "debian-12"})
    assert made["root_password"]


def test_without_named_addresses_a_server_gets_ones_that_die_with_it(cloud: Embedded) -> None:
    server = cloud.server()
    for kind in ("ipv4", "ipv6"):
        address = cloud.good("GET", f"/v1/primary_ips/{server['public_net'][kind]['id']}")["primary_ip"]
        assert address["auto_delete"]
        assert address["assignee_id"] == server["id"]
    cloud.good("DELETE", f"/v1/servers/{server['id']}")
    assert cloud.state()["empty"], "auto_delete addresses go with their server"


def test_a_server_that_is_not_to_start_stays_off(cloud: Embedded) -> None:
    assert cloud.server(start_after_create=False)["status"] == "off"
    assert not [call for call in cloud.machine_calls() if call["call"] == "start"]


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"name": "under_score"}, 422, "invalid_input", "name"),
        ({"name": ""}, 422, "invalid_input", "name"),
        ({"name": None}, 422, "invalid_input", "name"),
        ({"user_data": "x" * (32 * 1024 + 1)}, 422, "invalid_input", "user_data"),
        ({"server_type": "cx22"}, 422, "invalid_input", "server_type"),
        ({"server_type": None}, 422, "invalid_input", "server_type"),
        ({"image": "debian-10"}, 422, "invalid_input", "image"),
        ({"image": 114690389}, 422, "invalid_input", "image"),
        ({"location": "mars1"}, 422, "invalid_input", "location"),
        ({"location": "ash"}, 422, "invalid_input", None),
        ({"datacenter": "fsn1-dc14"}, 422, "invalid_input", "datacenter"),
        ({"labels": {"-bad": "x"}}, 422, "invalid_input", "labels"),
        ({"labels": {"a": "no spaces"}}, 422, "invalid_input", "labels"),
        ({"labels": {"hetzner.cloud/a": "b"}}, 422, "invalid_input", "labels"),
        ({"ssh_keys": ["nobody"]}, 404, "not_found", None),
        ({"firewalls": [{"firewall": 1}]}, 404, "not_found", None),
        ({"volumes": [1]}, 404, "not_found", None),
        ({"public_net": {"enable_ipv4": True, "ipv4": 1}}, 404, "not_found", None),
        ({"public_net": {"enable_ipv4": False, "enable_ipv6": False}}, 422, "invalid_input", "public_net"),
        ({"start_after_create": "yes"}, 422, "invalid_input", "start_after_create"),
        ({"networks": [1]}, 422, "unsupported_error", None),
    ],
)
def test_what_does_not_pass_is_refused_and_leaves_nothing(
    cloud: Embedded, change: dict[str, object], status: int, code: str, field: str | None
) -> None:
    body = {"name": "box", "server_type": "cx23", "image": "debian-12", "location": "fsn1", **change}
    answer = cloud.ask("POST", "/v1/servers", body)
    assert (answer.status, answer.code) == (status, code), answer.body
    if field:
        assert [one["name"] for one in answer.body["error"]["details"]["fields"]] == [field]
        assert answer.message.startswith(f"invalid input in field '{field}'")
    assert cloud.state()["empty"], "a refused request changes nothing"


def test_32_kib_of_user_data_pass(cloud: Embedded) -> None:
    assert cloud.server(user_data="x" * 32 * 1024)["status"] == "running"


def test_names_are_unique_and_free_again_after_the_delete(cloud: Embedded) -> None:
    server = cloud.server()
    answer = cloud.ask("POST", "/v1/servers", {"name": "box", "server_type": "cx23", "image": "debian-12"})
    assert (answer.status, answer.code) == (409, "uniqueness_error")
    assert answer.body["error"]["details"] == {"fields": [{"name": "name"}]}
    cloud.good("DELETE", f"/v1/servers/{server['id']}")
    cloud.server()


def test_a_project_has_limits(cloud: Embedded) -> None:
    for number in range(10):
        cloud.server(f"box-{number}", public_net={"enable_ipv6": False})
    answer = cloud.ask("POST", "/v1/servers", {"name": "more", "server_type": "cx23", "image": "debian-12"})
    assert (answer.status, answer.code) == (403, "resource_limit_exceeded")
    assert answer.body["error"]["details"] == {"limits": [{"name": "server_limit"}]}


def test_an_arm_server_gets_the_image_of_its_architecture_by_name(cloud: Embedded) -> None:
    assert cloud.server(server_type="cax11")["image"]["id"] == 114690389


def test_a_primary_ip_must_be_free_of_the_right_kind_and_near(cloud: Embedded) -> None:
    def address(name: str, kind: str, place: str) -> int:
        body = {"name": name, "type": kind, "location": place}
        return int(cloud.good("POST", "/v1/primary_ips", body)["primary_ip"]["id"])

    near, far, v6 = address("a", "ipv4", "fsn1"), address("b", "ipv4", "hel1"), address("c", "ipv6", "fsn1")
    cloud.server("first", public_net={"ipv4": near, "enable_ipv6": False})
    body = {"name": "second", "server_type": "cx23", "image": "debian-12", "location": "fsn1"}
    for given, code in (
        ({"ipv4": near}, "primary_ip_assigned"),
        ({"ipv4": far}, "primary_ip_datacenter_mismatch"),
        ({"ipv4": v6}, "primary_ip_version_mismatch"),
    ):
        answer = cloud.ask("POST", "/v1/servers", {**body, "public_net": given})
        assert (answer.status, answer.code) == (422, code)


def test_a_locked_server_refuses_other_actions(slow: Embedded) -> None:
    made = slow.good("POST", "/v1/servers", {"name": "box", "server_type": "cx23", "image": "debian-12"})
    key = made["server"]["id"]
    volume = slow.good("POST", "/v1/volumes", {"name": "v", "size": 10, "location": "fsn1"})["volume"]["id"]
    for method, path, body in (
        ("POST", f"/v1/servers/{key}/actions/poweroff", {}),
        ("DELETE", f"/v1/servers/{key}", None),
    ):
        answer = slow.ask(method, path, body)
        assert (answer.status, answer.code) == (423, "locked")
    slow.good("GET", f"/v1/volumes/{volume}")
    answer = slow.ask("POST", f"/v1/volumes/{volume}/actions/attach", {"server": key})
    assert (answer.status, answer.code) == (423, "locked"), "attaching waits for the server"
    slow.settle()
    assert not slow.good("GET", f"/v1/servers/{key}")["server"]["locked"]
    assert slow.act("servers", key, "poweroff").status == 201


def test_power(cloud: Embedded) -> None:
    key = cloud.server()["id"]
    for command, status in (
        ("poweroff", "off"),
        ("poweron", "running"),
        ("reboot", "running"),
        ("reset", "running"),
        ("shutdown", "off"),
    ):
        assert cloud.act("servers", key, command).status == 201
        assert cloud.good("GET", f"/v1/servers/{key}")["server"]["status"] == status
    calls = [(call["call"], call.get("graceful")) for call in cloud.machine_calls() if "server" in call][2:]
    assert calls == [
        ("start", None),
        ("stop", False),
        ("start", None),
        ("reboot", True),
        ("reboot", False),
        ("stop", True),
    ]


def test_rebuild_changes_the_image_and_keeps_user_data_unless_new_is_given(cloud: Embedded) -> None:
    key = cloud.server(user_data="old")["id"]
    answer = cloud.act("servers", key, "rebuild", image="debian-13")
    assert answer.status == 201
    assert answer.body["root_password"] is None
    cloud.act("servers", key, "rebuild", image=114690387, user_data="newer")
    assert cloud.good("GET", f"/v1/servers/{key}")["server"]["image"]["name"] == "debian-12"
    rebuilt = [call for call in cloud.machine_calls() if call["call"] == "rebuild"]
    assert [(call["server"]["image"], call["keep_user_data"]) for call in rebuilt] == [
        ("debian-13", True),
        ("debian-12", False),
    ]
    assert rebuilt[1]["server"]["user_data_bytes"] == 5


def test_change_type_wants_a_stopped_server_and_a_disk_that_is_not_smaller(cloud: Embedded) -> None:
    key = cloud.server(server_type="cx33")["id"]
    answer = cloud.act("servers", key, "change_type", server_type="cx43", upgrade_disk=False)
    assert (answer.status, answer.code) == (422, "server_not_stopped")
    cloud.act("servers", key, "poweroff")
    for wrong in ("cx23", "cx33", "cax21"):
        answer = cloud.act("servers", key, "change_type", server_type=wrong, upgrade_disk=False)
        assert (answer.status, answer.code) == (422, "invalid_server_type"), wrong
    assert cloud.act("servers", key, "change_type", server_type="cx43", upgrade_disk=False).status == 201
    server = cloud.good("GET", f"/v1/servers/{key}")["server"]
    assert (server["server_type"]["name"], server["primary_disk_size"], server["status"]) == (
        "cx43",
        80,
        "off",
    )
    assert cloud.act("servers", key, "change_type", server_type="cx33", upgrade_disk=True).status == 201, (
        "the disk was not upgraded, so the way back is open"
    )


def test_protection_is_both_or_none_and_holds(cloud: Embedded) -> None:
    key = cloud.server()["id"]
    answer = cloud.act("servers", key, "change_protection", delete=True)
    assert (answer.status, answer.code) == (422, "invalid_input"), "delete and rebuild must be equal"
    assert cloud.act("servers", key, "change_protection", delete=True, rebuild=True).status == 201
    assert cloud.good("GET", f"/v1/servers/{key}")["server"]["protection"] == {
        "delete": True,
        "rebuild": True,
    }
    answer = cloud.ask("DELETE", f"/v1/servers/{key}")
    assert (answer.status, answer.code) == (423, "protected")
    answer = cloud.act("servers", key, "rebuild", image="debian-12")
    assert (answer.status, answer.code) == (423, "protected")
    with pytest.raises(hcloud.APIException) as caught:
        cloud.hetzner.servers.get_by_id(key).delete()
    assert caught.value.code == "protected"
    cloud.act("servers", key, "change_protection", delete=False, rebuild=False)
    cloud.hetzner.servers.get_by_id(key).delete()


def test_backups_have_a_window(cloud: Embedded) -> None:
    key = cloud.server()["id"]
    cloud.act("servers", key, "enable_backup")
    assert cloud.good("GET", f"/v1/servers/{key}")["server"]["backup_window"] == "22-02"
    cloud.act("servers", key, "disable_backup")
    assert cloud.good("GET", f"/v1/servers/{key}")["server"]["backup_window"] is None


def test_a_deleted_server_is_gone_at_once_but_holds_its_address_until_the_action_ends(slow: Embedded) -> None:
    address = slow.good("POST", "/v1/primary_ips", {"name": "a", "type": "ipv4", "location": "fsn1"})
    key = address["primary_ip"]["id"]
    server = slow.server(public_net={"ipv4": key, "enable_ipv6": False})
    volume = slow.volume()
    slow.act("volumes", volume["id"], "attach", server=server["id"])
    slow.good("DELETE", f"/v1/servers/{server['id']}")
    assert slow.ask("GET", f"/v1/servers/{server['id']}").code == "not_found"
    assert slow.good("GET", "/v1/servers")["servers"] == []
    assert slow.good("GET", f"/v1/primary_ips/{key}")["primary_ip"]["assignee_id"] == server["id"]
    body = {
        "name": "next",
        "server_type": "cx23",
        "image": "debian-12",
        "location": "fsn1",
        "public_net": {"ipv4": key},
    }
    assert slow.ask("POST", "/v1/servers", body).code == "primary_ip_assigned", (
        "as Hetzner does until it is done"
    )
    slow.settle()
    assert slow.good("GET", f"/v1/primary_ips/{key}")["primary_ip"]["assignee_id"] is None
    assert slow.good("GET", f"/v1/volumes/{volume['id']}")["volume"]["server"] is None, (
        "volumes outlive servers"
    )
    assert slow.ask("POST", "/v1/servers", body).status == 201


def test_rename_and_relabel(cloud: Embedded) -> None:
    key = cloud.server()["id"]
    cloud.server("other")
    changed = cloud.good("PUT", f"/v1/servers/{key}", {"name": "new", "labels": {"v": "2"}})["server"]
    assert (changed["name"], changed["labels"]) == ("new", {"v": "2"})
    assert cloud.ask("PUT", f"/v1/servers/{key}", {"name": "other"}).code == "uniqueness_error"
    assert cloud.good("PUT", f"/v1/servers/{key}", {})["server"]["name"] == "new", (
        "an empty update changes nothing"
    )
