"""Firewalls: rules as data, applied by id or label, kept while they are applied."""

from __future__ import annotations

from typing import Any

import pytest
from hcloud.firewalls import FirewallResource, FirewallRule
from hcloud.servers import Server

from tests.rehearsal.cloud.harness import Embedded

WEB = {"direction": "in", "protocol": "tcp", "port": "443", "source_ips": ["0.0.0.0/0", "::/0"]}


def make(cloud: Embedded, name: str = "edge", **more: object) -> int:
    return int(cloud.good("POST", "/v1/firewalls", {"name": name, "rules": [WEB], **more})["firewall"]["id"])


def enforced(cloud: Embedded) -> Any:
    """The rules that the machine was told last."""
    return [call["rules"] for call in cloud.machine_calls() if call["call"] == "set_firewall"][-1]


def test_the_official_client_makes_changes_and_applies(slow: Embedded) -> None:
    rule = FirewallRule("in", "tcp", ["203.0.113.0/24"], port="22", description="ssh")
    made = slow.hetzner.firewalls.create(name="edge", rules=[rule])
    for action in made.actions:
        action.wait_until_finished()
    wall = slow.hetzner.firewalls.get_by_id(made.firewall.id)
    assert [(one.port, one.source_ips, one.description) for one in wall.rules] == [
        ("22", ["203.0.113.0/24"], "ssh")
    ]
    server = slow.server()["id"]
    target = FirewallResource(type=FirewallResource.TYPE_SERVER, server=Server(id=server))
    for action in wall.apply_to_resources([target]):
        action.wait_until_finished()
    wall.reload()
    assert wall.applied_to[0].server.id == server
    assert enforced(slow)[0]["port"] == "22"
    for action in wall.set_rules([FirewallRule("in", "icmp", ["0.0.0.0/0"])]):
        action.wait_until_finished()
    assert [rule["protocol"] for rule in enforced(slow)] == ["icmp"], (
        "an applied firewall's rules reach the machine"
    )
    for action in wall.remove_from_resources([target]):
        action.wait_until_finished()
    assert enforced(slow) is None, "without a firewall everything passes"
    wall.delete()


def test_an_applied_firewall_is_not_deleted(cloud: Embedded) -> None:
    wall = make(cloud)
    server = cloud.server(firewalls=[{"firewall": wall}])
    assert server["public_net"]["firewalls"] == [{"id": wall, "status": "applied"}]
    answer = cloud.ask("DELETE", f"/v1/firewalls/{wall}")
    assert (answer.status, answer.code) == (422, "resource_in_use")
    cloud.good("DELETE", f"/v1/servers/{server['id']}")
    assert cloud.ask("DELETE", f"/v1/firewalls/{wall}").status == 204


def test_fifty_rules_pass_and_fifty_one_do_not(cloud: Embedded) -> None:
    rules = [{**WEB, "port": str(port)} for port in range(1, 52)]
    wall = make(cloud, rules=rules[:50])
    assert len(cloud.good("GET", f"/v1/firewalls/{wall}")["firewall"]["rules"]) == 50
    assert cloud.ask("POST", "/v1/firewalls", {"name": "b", "rules": rules}).code == "invalid_input"
    assert cloud.act("firewalls", wall, "set_rules", rules=rules).code == "invalid_input"


def test_more_than_500_effective_rules_do_not_pass(cloud: Embedded) -> None:
    networks = [f"10.{number}.0.0/16" for number in range(100)]
    rules = [{**WEB, "port": str(port), "source_ips": networks} for port in range(1, 7)]
    assert cloud.ask("POST", "/v1/firewalls", {"name": "a", "rules": rules}).code == "invalid_input"
    make(cloud, rules=rules[:5])


@pytest.mark.parametrize(
    "change",
    [
        {"direction": "inwards"},
        {"protocol": "sctp"},
        {"port": None},
        {"port": "0"},
        {"port": "70000"},
        {"port": "90-80"},
        {"port": "https"},
        {"source_ips": []},
        {"source_ips": ["10.0.0.1"]},
        {"source_ips": ["10.0.0.1/8"]},
        {"source_ips": ["elsewhere"]},
        {"destination_ips": ["0.0.0.0/0"]},
        {"protocol": "icmp"},
        {"description": "x" * 256},
    ],
)
def test_a_rule_that_does_not_pass_is_refused(cloud: Embedded, change: dict[str, object]) -> None:
    answer = cloud.ask("POST", "/v1/firewalls", {"name": "a", "rules": [{**WEB, **change}]})
    assert (answer.status, answer.code) == (422, "invalid_input"), answer.body
    assert answer.body["error"]["details"]["fields"][0]["name"].startswith("rules.0.")


def test_rules_come_back_as_they_were_given(cloud: Embedded) -> None:
    rules = [
        WEB,
        {"direction": "in", "protocol": "icmp", "source_ips": ["0.0.0.0/0"]},
        {"direction": "out", "protocol": "udp", "port": "any", "destination_ips": ["1.1.1.1/32"]},
        {"direction": "in", "protocol": "tcp", "port": "8000-8100", "source_ips": ["2001:db8::/32"]},
    ]
    shown = cloud.good("GET", f"/v1/firewalls/{make(cloud, rules=rules)}")["firewall"]["rules"]
    for given, got in zip(rules, shown, strict=True):
        assert {**got, **given} == got


def test_the_union_of_all_firewalls_is_enforced(cloud: Embedded) -> None:
    first = make(cloud, "a")
    second = make(cloud, "b", rules=[{**WEB, "port": "80"}])
    cloud.server(firewalls=[{"firewall": first}, {"firewall": second}])
    assert sorted(rule["port"] for rule in enforced(cloud)) == ["443", "80"]


def test_an_empty_firewall_is_not_no_firewall(cloud: Embedded) -> None:
    cloud.server(firewalls=[{"firewall": make(cloud, rules=[])}])
    assert enforced(cloud) == [], "an empty firewall drops everything"


def test_five_firewalls_at_most(cloud: Embedded) -> None:
    walls = [make(cloud, f"w{number}") for number in range(6)]
    server = cloud.server(firewalls=[{"firewall": wall} for wall in walls[:5]])["id"]
    target = [{"type": "server", "server": {"id": server}}]
    answer = cloud.act("firewalls", walls[5], "apply_to_resources", apply_to=target)
    assert (answer.status, answer.code) == (403, "resource_limit_exceeded")


def test_errors_of_applying(cloud: Embedded) -> None:
    wall, server = make(cloud), cloud.server()["id"]
    target = [{"type": "server", "server": {"id": server}}]
    assert cloud.act("firewalls", wall, "apply_to_resources", apply_to=target).status == 201
    for apply_to, status, code in (
        (target, 422, "firewall_already_applied"),
        ([{"type": "server", "server": {"id": 1}}], 404, "firewall_resource_not_found"),
        (target * 2, 422, "server_already_added"),
        ([], 422, "invalid_input"),
        ([{"type": "moon"}], 422, "invalid_input"),
    ):
        answer = cloud.act("firewalls", wall, "apply_to_resources", apply_to=apply_to)
        assert (answer.status, answer.code) == (status, code)
    assert cloud.act("firewalls", wall, "remove_from_resources", remove_from=target).status == 201
    assert cloud.act("firewalls", wall, "remove_from_resources", remove_from=target).status == 201, (
        "removing it twice is no error since August 2025"
    )


def test_a_label_selector_follows_labels(cloud: Embedded) -> None:
    selector = [{"type": "label_selector", "label_selector": {"selector": "role=edge"}}]
    wall, server = make(cloud, apply_to=selector), cloud.server()["id"]
    assert enforced(cloud) is None
    cloud.good("PUT", f"/v1/servers/{server}", {"labels": {"role": "edge"}})
    assert enforced(cloud)[0]["port"] == "443"
    shown = cloud.good("GET", f"/v1/firewalls/{wall}")["firewall"]["applied_to"]
    assert shown[0]["applied_to_resources"] == [{"type": "server", "server": {"id": server}}]
    by_hand = cloud.act(
        "firewalls", wall, "remove_from_resources", remove_from=[{"type": "server", "server": {"id": server}}]
    )
    assert by_hand.code == "firewall_managed_by_label_selector"
    assert cloud.ask("DELETE", f"/v1/firewalls/{wall}").code == "resource_in_use"
    cloud.good("PUT", f"/v1/servers/{server}", {"labels": {}})
    assert enforced(cloud) is None
    assert cloud.act("firewalls", wall, "remove_from_resources", remove_from=selector).status == 201
    assert cloud.ask("DELETE", f"/v1/firewalls/{wall}").status == 204


def test_rules_that_change_while_a_server_boots_reach_it_afterwards(slow: Embedded) -> None:
    wall = make(slow)
    slow.settle()
    slow.good(
        "POST",
        "/v1/servers",
        {"name": "box", "server_type": "cx23", "image": "debian-12", "firewalls": [{"firewall": wall}]},
    )
    slow.good("POST", f"/v1/firewalls/{wall}/actions/set_rules", {"rules": [{**WEB, "port": "80"}]})
    slow.settle()
    calls = [call["call"] for call in slow.machine_calls() if call["call"] in ("create", "set_firewall")]
    assert calls[0] == "create", "a machine that does not exist cannot be told its rules"
    assert [rule["port"] for rule in enforced(slow)] == ["80"]
