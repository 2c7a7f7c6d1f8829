"""Primary IPs outlive servers and are never shared."""

from __future__ import annotations

import ipaddress

import pytest

from tests.rehearsal.cloud.harness import Embedded


def make(cloud: Embedded, name: str = "v4", kind: str = "ipv4", **more: object) -> int:
    body = {"name": name, "type": kind, "location": "fsn1", **more}
    return int(cloud.good("POST", "/v1/primary_ips", body)["primary_ip"]["id"])


def get(cloud: Embedded, key: int) -> dict[str, object]:
    return dict(cloud.good("GET", f"/v1/primary_ips/{key}")["primary_ip"])


def test_an_ipv4_is_an_address_and_an_ipv6_a_network_of_64(cloud: Embedded) -> None:
    v4, v6 = get(cloud, make(cloud)), get(cloud, make(cloud, "v6", "ipv6"))
    assert ipaddress.IPv4Address(str(v4["ip"]))
    assert ipaddress.IPv6Network(str(v6["ip"])).prefixlen == 64
    assert v4["assignee_id"] is None
    assert v4["assignee_type"] == "server"


def test_addresses_are_unique_and_given_back(cloud: Embedded) -> None:
    first, second = make(cloud, "a"), make(cloud, "b")
    address = get(cloud, first)["ip"]
    assert address != get(cloud, second)["ip"]
    cloud.good("DELETE", f"/v1/primary_ips/{first}")
    assert get(cloud, make(cloud, "c"))["ip"] == address


def test_an_address_in_use_is_not_deleted(cloud: Embedded) -> None:
    key = make(cloud)
    server = cloud.server(public_net={"ipv4": key, "enable_ipv6": False})
    answer = cloud.ask("DELETE", f"/v1/primary_ips/{key}")
    assert (answer.status, answer.code) == (422, "must_be_unassigned")
    cloud.good("DELETE", f"/v1/servers/{server['id']}")
    assert get(cloud, key)["assignee_id"] is None, "an address outlives its server"
    assert cloud.ask("DELETE", f"/v1/primary_ips/{key}").status == 204


def test_assigning_and_unassigning_want_a_stopped_server(cloud: Embedded) -> None:
    first, second = make(cloud, "a"), make(cloud, "b")
    server = cloud.server(public_net={"ipv4": first, "enable_ipv6": False})["id"]
    assert cloud.act("primary_ips", first, "unassign").code == "server_not_stopped"
    cloud.act("servers", server, "poweroff")
    taken = cloud.act("primary_ips", second, "assign", assignee_id=server, assignee_type="server")
    assert taken.code == "server_has_ipv4"
    again = cloud.act("primary_ips", first, "assign", assignee_id=server, assignee_type="server")
    assert again.code == "primary_ip_already_assigned"
    assert cloud.act("primary_ips", first, "unassign").status == 201
    assert (
        cloud.act("primary_ips", second, "assign", assignee_id=server, assignee_type="server").status == 201
    )
    shown = cloud.good("GET", f"/v1/servers/{server}")["server"]["public_net"]["ipv4"]
    assert shown["id"] == second


def test_protection_holds_and_excludes_auto_delete(cloud: Embedded) -> None:
    key = make(cloud)
    cloud.act("primary_ips", key, "change_protection", delete=True)
    answer = cloud.ask("DELETE", f"/v1/primary_ips/{key}")
    assert (answer.status, answer.code) == (423, "protected")
    assert cloud.ask("PUT", f"/v1/primary_ips/{key}", {"auto_delete": True}).code == "invalid_input"
    dying = make(cloud, "dying", auto_delete=True)
    assert cloud.act("primary_ips", dying, "change_protection", delete=True).code == "invalid_input"


@pytest.mark.parametrize(
    "change",
    [{"type": "ipv5"}, {"location": None}, {"location": "mars1"}, {"datacenter": "fsn1-dc14"}, {"name": ""}],
)
def test_what_does_not_pass_is_refused(cloud: Embedded, change: dict[str, object]) -> None:
    answer = cloud.ask("POST", "/v1/primary_ips", {"name": "a", "type": "ipv4", "location": "fsn1", **change})
    assert (answer.status, answer.code) == (422, "invalid_input")


def test_names_are_unique(cloud: Embedded) -> None:
    make(cloud)
    answer = cloud.ask("POST", "/v1/primary_ips", {"name": "v4", "type": "ipv6", "location": "fsn1"})
    assert (answer.status, answer.code) == (409, "uniqueness_error")
