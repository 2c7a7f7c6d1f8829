"""Zones, their settings, DNS records, rulesets, in raw HTTP."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from tests.rehearsal.cloud.harness import ZONE, ZONE_ID, Answer, Embedded

RECORD = {"type": "A", "name": f"api-uat.{ZONE}", "content": "203.0.113.9", "ttl": 1, "proxied": True}


def record(cloud: Embedded, **change: Any) -> dict[str, Any]:
    answer = cloud.zone("POST", "/dns_records", {**RECORD, **change})
    assert answer.status == 200, answer.body
    return dict(answer.body["result"])


def refused(answer: Answer, code: int, status: int = 400) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.body["success"] is False
    assert answer.body["result"] is None


def test_a_zone_is_found_by_id_and_by_name(cloud: Embedded) -> None:
    by_id = cloud.good("GET", f"/cf/zones/{ZONE_ID}")
    assert by_id["success"] is True
    assert by_id["errors"] == by_id["messages"] == []
    assert (by_id["result"]["name"], by_id["result"]["status"]) == (ZONE, "active")
    by_name = cloud.good("GET", f"/cf/zones?name={ZONE}")
    assert by_name["result"] == [by_id["result"]]
    assert by_name["result_info"]["total_count"] == 1
    assert cloud.good("GET", "/cf/zones?name=nobody.org")["result"] == []


def test_zones_of_others_are_refused(cloud: Embedded) -> None:
    stranger = "f" * 32
    refused(cloud.ask("GET", f"/cf/zones/{stranger}"), 9109, 403)
    refused(cloud.ask("GET", f"/cf/zones/{stranger}/dns_records"), 10000, 403)
    refused(cloud.ask("GET", "/cf/zones/not-an-id/dns_records"), 7003, 404)


def test_settings_start_as_cloudflares_do(cloud: Embedded) -> None:
    settings = {one["id"]: one for one in cloud.zone("GET", "/settings").body["result"]}
    assert settings["ssl"]["value"] == "full"
    assert settings["min_tls_version"]["value"] == "1.0", "the unsafe default that a deployment must change"
    assert settings["always_use_https"]["value"] == "off"
    assert settings["tls_client_auth"]["value"] == "off"
    assert settings["ssl"]["modified_on"] is None
    assert len(settings) >= 45


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ssl", "strict"),
        ("min_tls_version", "1.2"),
        ("always_use_https", "on"),
        ("browser_cache_ttl", 0),
        ("security_header", {"strict_transport_security": {"enabled": True, "max_age": 31536000}}),
    ],
)
def test_a_setting_is_changed_and_stays(cloud: Embedded, name: str, value: object) -> None:
    changed = cloud.zone("PATCH", f"/settings/{name}", {"value": value})
    assert changed.status == 200
    again = cloud.zone("GET", f"/settings/{name}").body["result"]
    assert (again["id"], again["value"], again["editable"]) == (name, value, True)
    assert again["modified_on"]
    assert changed.body["result"] == again


@pytest.mark.parametrize(
    ("name", "body", "code", "status"),
    [
        ("ssl", {"value": "sometimes"}, 1007, 400),
        ("ssl", {}, 1007, 400),
        ("min_tls_version", {"value": 1.2}, 1007, 400),
        ("always_use_https", {"value": True}, 1007, 400),
        ("browser_cache_ttl", {"value": "long"}, 1007, 400),
        ("no_such_setting", {"value": "on"}, 1006, 400),
        ("polish", {"value": "lossy"}, 1015, 403),
        ("ssl", None, 9207, 400),
    ],
)
def test_a_setting_that_does_not_pass_is_refused(
    cloud: Embedded, name: str, body: object, code: int, status: int
) -> None:
    refused(cloud.zone("PATCH", f"/settings/{name}", body), code, status)


def test_a_setting_with_enabled_in_place_of_a_value(cloud: Embedded) -> None:
    assert cloud.zone("PATCH", "/settings/ssl_recommender", {"enabled": False}).status == 200
    assert cloud.zone("GET", "/settings/ssl_recommender").body["result"]["enabled"] is False


def test_a_record_is_made_read_changed_deleted(cloud: Embedded) -> None:
    made = record(cloud, comment="v1")
    assert len(made["id"]) == 32
    assert (made["name"], made["proxied"], made["proxiable"], made["ttl"]) == (
        f"api-uat.{ZONE}",
        True,
        True,
        1,
    )
    assert made["created_on"].endswith("Z")
    path = f"/dns_records/{made['id']}"
    assert cloud.zone("GET", path).body["result"] == made
    put = cloud.zone("PUT", path, {**RECORD, "comment": "v2"}).body["result"]
    assert (put["id"], put["comment"], put["created_on"]) == (made["id"], "v2", made["created_on"])
    assert put["modified_on"] > made["modified_on"]
    patched = cloud.zone("PATCH", path, {"content": "203.0.113.10"}).body["result"]
    assert (patched["content"], patched["comment"], patched["proxied"]) == ("203.0.113.10", "v2", True)
    bare = cloud.zone("PUT", path, {"type": "A", "name": "api-uat", "content": "203.0.113.10", "ttl": 300})
    assert (bare.body["result"]["comment"], bare.body["result"]["proxied"]) == (None, False), (
        "PUT replaces all"
    )
    assert cloud.zone("DELETE", path).body["result"] == {"id": made["id"]}
    refused(cloud.zone("GET", path), 81044, 404)
    refused(cloud.zone("DELETE", path), 81044, 404)
    assert cloud.state()["empty"]


def test_names_are_completed_by_the_zone(cloud: Embedded) -> None:
    assert record(cloud, name="app")["name"] == f"app.{ZONE}"
    assert record(cloud, name="@")["name"] == ZONE
    assert record(cloud, name="*.Wild", proxied=False)["name"] == f"*.wild.{ZONE}"
    assert record(cloud, type="TXT", name="_acme-challenge.app", content="token", proxied=False)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"content": "203.0.113"}, 9005),
        ({"content": "2001:db8::1"}, 9005),
        ({"type": "AAAA", "content": "203.0.113.9"}, 9006),
        ({"type": "CNAME", "content": "not a host"}, 9007),
        ({"content": None}, 9100),
        ({"type": "TXT", "content": "x", "proxied": True}, 9004),
        ({"type": "MX", "content": "mail.example.com", "proxied": False}, 9102),
        ({"content": "127.0.0.1"}, 9003),
        ({"content": "10.0.0.1"}, 9003),
        ({"ttl": 30}, 9021),
        ({"ttl": 90000}, 9021),
        ({"ttl": "auto"}, 9021),
        ({"name": ""}, 9000),
        ({"name": "bad name"}, 9000),
        ({"name": "x" * 64}, 9000),
        ({"type": "FOO"}, 9001),
        ({"tags": ["a:b"]}, 9300),
        ({"comment": "x" * 101}, 9213),
    ],
)
def test_a_record_that_does_not_pass_is_refused(
    cloud: Embedded, change: dict[str, object], code: int
) -> None:
    refused(cloud.zone("POST", "/dns_records", {**RECORD, **change}), code)
    assert cloud.state()["empty"]


def test_rehearsed_servers_may_be_proxied_to(cloud: Embedded) -> None:
    assert record(cloud, content="127.77.0.5")["proxied"]


def test_a_proxied_record_has_an_automatic_ttl(cloud: Embedded) -> None:
    assert record(cloud, ttl=3600)["ttl"] == 1
    assert record(cloud, name="plain", ttl=3600, proxied=False)["ttl"] == 3600


def test_identical_records_and_clashing_types_are_refused(cloud: Embedded) -> None:
    first = record(cloud)
    refused(cloud.zone("POST", "/dns_records", {**RECORD, "proxied": False}), 81058)
    second = record(cloud, content="203.0.113.10")
    refused(cloud.zone("PATCH", f"/dns_records/{second['id']}", {"content": first["content"]}), 81058)
    cname = {"type": "CNAME", "name": RECORD["name"], "content": "elsewhere.org", "ttl": 1}
    refused(cloud.zone("POST", "/dns_records", cname), 81053)
    record(cloud, type="AAAA", content="2001:db8::1")
    alias = record(cloud, type="CNAME", name="alias", content="Elsewhere.org.")
    assert alias["content"] == "elsewhere.org"
    refused(cloud.zone("POST", "/dns_records", {**RECORD, "name": "alias"}), 81054)
    refused(cloud.zone("POST", "/dns_records", {**cname, "name": "alias", "content": "third.org"}), 81053)


def test_records_are_listed_by_page_and_filter(cloud: Embedded) -> None:
    for number in range(7):
        record(cloud, name=f"h{number}", proxied=number % 2 == 0)
    found = cloud.zone("GET", "/dns_records?page=2&per_page=5").body
    assert found["result_info"] == {"page": 2, "per_page": 5, "count": 2, "total_count": 7, "total_pages": 2}
    assert [one["name"] for one in cloud.zone("GET", f"/dns_records?name=h3.{ZONE}").body["result"]] == [
        f"h3.{ZONE}"
    ]
    assert len(cloud.zone("GET", f"/dns_records?name.exact=h3.{ZONE}").body["result"]) == 1
    assert len(cloud.zone("GET", "/dns_records?type=AAAA").body["result"]) == 0
    assert len(cloud.zone("GET", "/dns_records?proxied=true").body["result"]) == 4
    refused(cloud.zone("GET", "/dns_records?page=0"), 1004)


def test_cloudflares_addresses_need_no_token(cloud: Embedded) -> None:
    found = cloud.ask("GET", "/cf/ips", Authorization="").body["result"]
    assert len(found["ipv4_cidrs"]) == 15
    assert len(found["ipv6_cidrs"]) == 7
    for network in found["ipv4_cidrs"] + found["ipv6_cidrs"]:
        ipaddress.ip_network(network)


RULE = {"action": "block", "expression": 'http.request.uri.path eq "/admin"', "description": "no admin"}


def test_a_ruleset_is_versioned_and_one_per_phase(cloud: Embedded) -> None:
    body = {"name": "r", "kind": "zone", "phase": "http_request_firewall_custom", "rules": [RULE]}
    made = cloud.zone("POST", "/rulesets", body).body["result"]
    assert (made["version"], made["rules"][0]["version"], made["rules"][0]["enabled"]) == ("1", "1", True)
    refused(cloud.zone("POST", "/rulesets", body), 20217)
    refused(cloud.zone("POST", "/rulesets", {**body, "phase": "nonsense"}), 20119)
    path = f"/rulesets/{made['id']}"
    kept, more = made["rules"][0], {**RULE, "expression": "true"}
    changed = cloud.zone("PUT", path, {"rules": [kept, more]}).body["result"]
    assert changed["version"] == "2"
    assert changed["rules"][0] == kept, "a rule that is sent again unchanged keeps its version"
    entry = "/rulesets/phases/http_request_firewall_custom/entrypoint"
    assert cloud.zone("GET", entry).body["result"] == changed
    listed = cloud.zone("GET", "/rulesets").body["result"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert "rules" not in listed[0]
    assert cloud.zone("DELETE", path).status == 204
    refused(cloud.zone("GET", path), 10000, 404)
    refused(cloud.zone("GET", entry), 10003, 404)
    cached = "/rulesets/phases/http_request_cache_settings/entrypoint"
    assert cloud.zone("PUT", cached, {"rules": []}).body["result"]["phase"] == "http_request_cache_settings"
    assert cloud.state()["counts"]["ruleset"] == 1
