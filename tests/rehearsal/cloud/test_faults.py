"""Each fault does what it says, as often as it says, and then all goes well again."""

from __future__ import annotations

import json
import time

import pytest
import requests
from hcloud.actions import ActionFailedException

from tests.rehearsal.cloud.harness import ZONE_ID, Embedded, public_key

SERVER = {"name": "box", "server_type": "cx23", "image": "debian-12", "location": "fsn1"}


def test_a_status_strikes_as_often_as_told(cloud: Embedded) -> None:
    cloud.fault(kind="status", method="POST", path="/v1/servers$", status=503, code="unavailable", count=2)
    assert cloud.ask("GET", "/v1/servers").status == 200, "another method is spared"
    for _ in range(2):
        answer = cloud.ask("POST", "/v1/servers", SERVER)
        assert (answer.status, answer.code) == (503, "unavailable")
    assert cloud.state()["empty"]
    assert cloud.ask("POST", "/v1/servers", SERVER).status == 201
    assert cloud.good("GET", "/_rehearsal/faults") == {"faults": []}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "rate_limit_exceeded"),
        (500, "server_error"),
        (502, "bad_gateway"),
        (503, "unavailable"),
        (504, "timeout"),
        (409, "conflict"),
        (412, "resource_unavailable"),
        (423, "locked"),
        (403, "forbidden"),
    ],
)
def test_a_status_alone_gets_hetzners_code_for_it(cloud: Embedded, status: int, code: str) -> None:
    cloud.fault(kind="status", status=status)
    assert cloud.ask("GET", "/v1/servers").code == code


def test_a_rate_limit_says_when_to_come_back(cloud: Embedded) -> None:
    cloud.fault(kind="status", status=429, retry_after=7, count=2)
    hetzner = cloud.ask("GET", "/v1/servers")
    assert hetzner.headers["RateLimit-Remaining"] == "0"
    assert int(hetzner.headers["RateLimit-Reset"]) >= int(time.time())
    assert hetzner.headers["Retry-After"] == "7"
    cloudflare = cloud.ask("GET", "/cf/zones")
    assert (cloudflare.status, cloudflare.code) == (429, 971)
    assert cloudflare.headers["Retry-After"] == "7"


def test_cloudflare_gets_faults_in_its_own_shape(cloud: Embedded) -> None:
    cloud.fault(kind="status", path="/dns_records", status=500, code=1234, message="broken")
    answer = cloud.zone("GET", "/dns_records")
    assert answer.status == 500
    assert answer.body == {
        "result": None,
        "success": False,
        "errors": [{"code": 1234, "message": "broken"}],
        "messages": [],
    }


def test_sold_out(cloud: Embedded) -> None:
    key = cloud.fault(kind="sold_out", server_type="cx23", location="fsn1", count=None)
    for _ in range(3):
        answer = cloud.ask("POST", "/v1/servers", SERVER)
        assert (answer.status, answer.code, answer.message) == (
            412,
            "resource_unavailable",
            "error during placement",
        )
    assert cloud.state()["empty"]
    kind = cloud.good("GET", "/v1/server_types?name=cx23")["server_types"][0]
    assert {place["name"]: place["available"] for place in kind["locations"]} == {
        "fsn1": False,
        "nbg1": True,
        "hel1": True,
    }
    assert cloud.ask("POST", "/v1/servers", {**SERVER, "location": "hel1"}).status == 201, (
        "elsewhere it is there"
    )
    other = {**SERVER, "name": "fallback", "server_type": "cpx22"}
    made = cloud.ask("POST", "/v1/servers", other)
    assert made.status == 201, "another type is there"
    cloud.act("servers", made.body["server"]["id"], "poweroff")
    answer = cloud.act(
        "servers", made.body["server"]["id"], "change_type", server_type="cx23", upgrade_disk=False
    )
    assert answer.code in ("resource_unavailable", "invalid_server_type")
    assert cloud.ask("DELETE", f"/_rehearsal/faults/{key}").status == 204
    assert cloud.ask("POST", "/v1/servers", SERVER).code == "uniqueness_error"
    assert cloud.ask("POST", "/v1/servers", {**SERVER, "name": "late"}).status == 201


def test_a_slow_action(cloud: Embedded) -> None:
    cloud.fault(kind="slow_action", command="^create_server$", seconds=0.4)
    begin = time.monotonic()
    made = cloud.good("POST", "/v1/servers", SERVER)
    assert time.monotonic() - begin < 0.3, "the request itself is quick"
    assert made["action"]["status"] == "running"
    assert cloud.good("GET", f"/v1/servers/{made['server']['id']}")["server"]["status"] == "initializing"
    cloud.settle()
    assert time.monotonic() - begin >= 0.4
    assert cloud.good("GET", f"/v1/servers/{made['server']['id']}")["server"]["status"] == "running"


def test_a_failed_creation_leaves_no_server_but_its_named_address(cloud: Embedded) -> None:
    body = {"name": "a", "type": "ipv4", "location": "fsn1"}
    address = cloud.good("POST", "/v1/primary_ips", body)["primary_ip"]["id"]
    cloud.fault(kind="failed_action", command="create_server", message="hypervisor gone")
    made = cloud.good("POST", "/v1/servers", {**SERVER, "public_net": {"ipv4": address}})
    action = cloud.hetzner.actions.get_by_id(made["action"]["id"])
    with pytest.raises(ActionFailedException, match="hypervisor gone"):
        action.wait_until_finished()
    following = cloud.good("GET", f"/v1/actions/{made['next_actions'][0]['id']}")["action"]
    assert following["status"] == "error", "what should have come after fails as well"
    counts = cloud.state()["counts"]
    assert (counts["server"], counts["primary_ip"]) == (0, 1)
    assert cloud.good("GET", f"/v1/primary_ips/{address}")["primary_ip"]["assignee_id"] is None
    assert cloud.ask("POST", "/v1/servers", {**SERVER, "public_net": {"ipv4": address}}).status == 201


def test_a_failed_attachment_leaves_the_volume_free(cloud: Embedded) -> None:
    server, volume = cloud.server(), cloud.volume()
    cloud.fault(kind="failed_action", path="/attach$")
    answer = cloud.act("volumes", volume["id"], "attach", server=server["id"])
    assert answer.body["action"]["status"] == "error"
    assert cloud.good("GET", f"/v1/volumes/{volume['id']}")["volume"]["server"] is None
    assert cloud.act("volumes", volume["id"], "attach", server=server["id"]).status == 201


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_before_or_after_the_effect(cloud: Embedded, when: str, made: int) -> None:
    cloud.fault(kind="dropped_connection", method="POST", path="/ssh_keys$", when=when)
    with pytest.raises(requests.exceptions.ConnectionError):
        cloud.ask("POST", "/v1/ssh_keys", {"name": "a", "public_key": public_key()})
    assert cloud.state()["counts"]["ssh_key"] == made
    assert [entry["status"] for entry in cloud.requests()] == [None], "the log says that nothing was answered"
    assert cloud.ask("GET", "/v1/ssh_keys").status == 200


def test_latency(cloud: Embedded) -> None:
    cloud.fault(kind="latency", path="^/cf/", seconds=0.3)
    begin = time.monotonic()
    cloud.good("GET", "/v1/servers")
    assert time.monotonic() - begin < 0.25
    cloud.good("GET", "/cf/ips")
    assert time.monotonic() - begin >= 0.3


def test_a_file_does_the_same_and_is_read_again_when_it_changes(cloud: Embedded) -> None:
    path = cloud.folder / "faults.json"
    path.write_text(json.dumps([{"kind": "status", "status": 500}]))
    assert cloud.ask("GET", "/v1/servers").status == 500
    assert json.loads(path.read_text()) == [], "a fault that is over leaves the file"
    path.write_text(json.dumps([{"kind": "status", "status": 502, "count": None}]))
    for _ in range(2):
        assert cloud.ask("GET", "/v1/servers").status == 502
    path.unlink()
    assert cloud.ask("GET", "/v1/servers").status == 200


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({}, "kind: None is none of"),
        ({"kind": "flood"}, "kind: 'flood' is none of"),
        ({"kind": "status"}, "status: a status fault needs it"),
        ({"kind": "status", "status": 200}, "status: 200 is not an HTTP status"),
        ({"kind": "status", "status": "500"}, "status: '500' is not an HTTP status"),
        ({"kind": "status", "status": 500, "seconds": 1}, "seconds: a status fault has only"),
        ({"kind": "latency", "seconds": 1, "path": "("}, "path: '(' is not a regular expression"),
        ({"kind": "latency", "seconds": 1, "count": 0}, "count: 0 is not at least 1"),
        ({"kind": "dropped_connection", "when": "during"}, "when: 'during' is neither before nor after"),
        ([1], "1 is not an object"),
    ],
)
def test_a_fault_that_cannot_be_understood_is_refused_by_name(
    cloud: Embedded, fault: object, text: str
) -> None:
    answer = cloud.ask("POST", "/_rehearsal/faults", fault)
    assert answer.status == 422
    assert answer.body["error"].startswith("faults[0]")
    assert text in answer.body["error"]


def test_a_broken_file_is_an_error_that_names_it(cloud: Embedded) -> None:
    path = cloud.folder / "faults.json"
    path.write_text("[{")
    for target in ("/v1/servers", f"/cf/zones/{ZONE_ID}"):
        answer = cloud.ask("GET", target)
        assert answer.status == 500
        assert str(path) in answer.message
    path.unlink()
    assert cloud.ask("GET", "/v1/servers").status == 200


def test_all_faults_are_removed_at_once(cloud: Embedded) -> None:
    cloud.fault(kind="status", status=500)
    cloud.fault(kind="status", status=501)
    assert len(cloud.good("GET", "/_rehearsal/faults")["faults"]) == 2
    cloud.good("DELETE", "/_rehearsal/faults")
    assert cloud.ask("GET", "/v1/servers").status == 200
    assert cloud.ask("DELETE", "/_rehearsal/faults/nope").status == 404
