"""The stand-in for cloudflare: requests, what replaces, what is silently left alone, what is tried again."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.rehearsal.plugins.driver import Driver, started
from tests.rehearsal.plugins.recording import Fault, Recording, recording

ZONE = "0" * 32
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
SETTING = "cloudflare:index/zoneSetting:ZoneSetting"


@pytest.fixture
def cloud() -> Iterator[Recording]:
    with recording() as record:
        yield record


@pytest.fixture
def driver(cloud: Recording) -> Iterator[Driver]:
    command = [sys.executable, "-m", "rehearsal.plugins", "cloudflare"]
    with started(
        command, {"CLOUDFLARE_API_TOKEN": "c" * 40, "CLOUDFLARE_BASE_URL": f"{cloud.endpoint}/cf"}
    ) as one:
        assert one.configure("cloudflare") == []
        yield one


def record(**inputs: object) -> tuple[str, dict[str, object]]:
    usual = {"zoneId": ZONE, "name": "a.example.com", "type": "A", "content": "203.0.113.9", "ttl": 1}
    return RECORD, {**usual, **inputs}


def asked(cloud: Recording) -> list[str]:
    return [f"{request['m']} {request['p'].removeprefix('/cf')}" for request in cloud.requests]


def test_a_changed_type_replaces_a_record(driver: Driver) -> None:
    driver.apply({"dns": record()})
    [entry] = driver.apply({"dns": record(type="AAAA", content="2001:db8::1")}, preview=True)
    assert entry["op"] == "replace"
    assert entry["diff"]["replaces"] == ["type"]


def test_another_zone_replaces_a_record(driver: Driver) -> None:
    driver.apply({"dns": record()})
    [entry] = driver.apply({"dns": record(zoneId="1" * 32)}, preview=True)
    assert entry["diff"]["replaces"] == ["zoneId"]


def test_proxied_is_off_unless_asked_for(driver: Driver, cloud: Recording) -> None:
    driver.apply({"dns": record()})
    assert cloud.requests[-1]["body"]["proxied"] is False


def test_a_proxied_record_has_no_time_to_live_of_its_own(driver: Driver, cloud: Recording) -> None:
    [entry] = driver.apply({"dns": record(proxied=True, ttl=300)})
    assert entry["failures"] == ["ttl must be set to 1 when `proxied` is true"]
    assert not cloud.requests, "nothing is asked for what is known to be wrong"


def test_a_missing_property_is_named(driver: Driver) -> None:
    [entry] = driver.apply({"dns": (RECORD, {"zoneId": ZONE, "name": "a", "type": "A", "content": "x"})})
    assert entry["failures"] == ["Missing required property 'ttl'"]


def test_an_unexpected_property_is_named(driver: Driver) -> None:
    [entry] = driver.apply({"dns": record(colour="red")})
    assert entry["failures"][0].startswith("Unexpected property 'colour': there are comment, content, ")


def test_a_setting_is_changed_in_place_and_left_behind(driver: Driver, cloud: Recording) -> None:
    setting = {"zoneId": ZONE, "settingId": "ssl", "value": "full"}
    driver.apply({"ssl": (SETTING, setting)})
    driver.apply({"ssl": (SETTING, {**setting, "value": "strict"})})
    driver.apply({})
    path = f"/zones/{ZONE}/settings/ssl"
    assert asked(cloud) == [f"PATCH {path}", f"PATCH {path}"], "a deletion asks nothing"
    assert [severity for severity, _ in driver.engine.lines] == ["warning", "warning"]


def test_origin_certificates_are_replaced_never_changed(driver: Driver, cloud: Recording) -> None:
    token = "cloudflare:index/originCaCertificate:OriginCaCertificate"
    inputs = {"csr": "one", "hostnames": ["a.example.com"], "requestType": "origin-ecc"}
    driver.apply({"tls": (token, inputs)})
    assert cloud.requests[0]["body"] == {
        "csr": "one",
        "hostnames": ["a.example.com"],
        "request_type": "origin-ecc",
        "requested_validity": 5475,
    }
    [entry] = driver.apply({"tls": (token, {**inputs, "csr": "two"})})
    assert entry["op"] == "replace"
    assert [line.split("/")[0] for line in asked(cloud)] == ["POST ", "POST ", "DELETE "]


def test_a_changed_origin_pull_certificate_is_silently_left_alone(driver: Driver, cloud: Recording) -> None:
    token = "cloudflare:index/authenticatedOriginPullsCertificate:AuthenticatedOriginPullsCertificate"
    inputs = {"zoneId": ZONE, "certificate": "one", "privateKey": "hush hush"}
    driver.apply({"pull": (token, inputs)})
    driver.apply({"pull": (token, {**inputs, "certificate": "two"})})
    assert asked(cloud) == [f"POST /zones/{ZONE}/origin_tls_client_auth"]


def test_origin_pulls_are_switched_on(driver: Driver, cloud: Recording) -> None:
    token = "cloudflare:index/authenticatedOriginPullsSettings:AuthenticatedOriginPullsSettings"
    driver.apply({"pull": (token, {"zoneId": ZONE, "enabled": True})})
    assert asked(cloud) == [f"PUT /zones/{ZONE}/origin_tls_client_auth/settings"]
    assert cloud.requests[0]["body"] == {"enabled": True}


def test_a_ruleset_keeps_what_the_api_adds_to_its_rules(driver: Driver, cloud: Recording) -> None:
    token = "cloudflare:index/ruleset:Ruleset"
    rule = {"expression": "true", "action": "block", "actionParameters": {"cacheKey": {"deviceType": True}}}
    inputs = {
        "zoneId": ZONE,
        "kind": "zone",
        "name": "limits",
        "phase": "http_ratelimit",
        "rules": [rule],
    }
    driver.apply({"rules": (token, inputs)})
    [sent] = cloud.requests[0]["body"]["rules"]
    assert sent["action_parameters"] == {"cache_key": {"device_type": True}}
    [there] = cloud.others.values()
    there["rules"][0].update(id="r1", version="1")
    driver.refresh()
    [entry] = driver.apply({"rules": (token, inputs)})
    assert entry["op"] == "same"


@pytest.mark.parametrize("status", [409, 429, 503])
def test_what_may_pass_is_tried_twice_more(driver: Driver, cloud: Recording, status: int) -> None:
    cloud.faults.append(Fault(status, 2, "busy", "dns_records"))
    [entry] = driver.apply({"dns": record()})
    assert entry["op"] == "create"
    assert [request["status"] for request in cloud.requests] == [status, status, 200]


def test_a_dropped_connection_is_tried_twice_more(driver: Driver, cloud: Recording) -> None:
    cloud.faults.append(Fault(0, 3, "", "dns_records"))
    [entry] = driver.apply({"dns": record()})
    assert entry["error"].startswith('failed to make http request: Post "http://127.0.0.1:')
    assert len(cloud.requests) == 3


def test_an_error_is_told_with_its_code_at_once(driver: Driver, cloud: Recording) -> None:
    cloud.faults.append(Fault(400, 1, "81057", "dns_records"))
    [entry] = driver.apply({"dns": record()})
    assert "400 Bad Request" in entry["error"]
    assert "81057" in entry["error"]
    assert len(cloud.requests) == 1


def test_what_is_gone_leaves_the_state(driver: Driver, cloud: Recording) -> None:
    driver.apply({"dns": record()})
    cloud.others.clear()
    assert driver.refresh() == [{"name": "dns", "op": "gone"}]
    gone = "The resource was not found on the server and will be removed from state.: Resource not found"
    assert driver.engine.lines == [("warning", f"[WARNING] {gone}")]


def test_a_record_is_imported_by_zone_and_id(driver: Driver) -> None:
    driver.apply({"dns": record(comment="ours")})
    number = driver.state["dns"].resource_id
    found = driver.imported("other", RECORD, f"{ZONE}/{number}")
    assert found["id"] == number
    assert found["inputs"] == {
        "zoneId": ZONE,
        "name": "a.example.com",
        "type": "A",
        "content": "203.0.113.9",
        "ttl": 1,
        "comment": "ours",
    }
    assert "expected <zoneId>/<id>" in driver.imported("other", RECORD, number)["error"]


def test_a_real_account_is_never_touched() -> None:
    command = [sys.executable, "-m", "rehearsal.plugins", "cloudflare"]
    with (
        started(command, {"CLOUDFLARE_API_TOKEN": "c" * 40}) as one,
        pytest.raises(Exception, match=r"only talks to a rehearsed cloud on loopback, .*CLOUDFLARE_BASE_URL"),
    ):
        one.configure("cloudflare", baseUrl="https://api.cloudflare.com/client/v4")
