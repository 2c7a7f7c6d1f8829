"""What Hetzner has and this cloud has not."""

from __future__ import annotations

import pytest

from tests.rehearsal.cloud.harness import Embedded


@pytest.mark.parametrize(
    "kind",
    [
        "certificates",
        "floating_ips",
        "isos",
        "load_balancer_types",
        "load_balancers",
        "networks",
        "placement_groups",
        "storage_box_types",
        "storage_boxes",
        "zones",
    ],
)
def test_of_what_this_cloud_lacks_there_is_none(cloud: Embedded, kind: str) -> None:
    body = cloud.good("GET", f"/v1/{kind}?name=x&label_selector=a%3Db&sort=id%3Aasc&page=1&per_page=50")
    assert body[kind] == []
    assert body["meta"]["pagination"]["total_entries"] == 0
    assert (cloud.ask("GET", f"/v1/{kind}/1").status, cloud.ask("GET", f"/v1/{kind}/1").code) == (
        404,
        "not_found",
    )


def test_what_this_cloud_lacks_cannot_be_made_and_it_says_so(cloud: Embedded) -> None:
    answer = cloud.ask("POST", "/v1/networks", {"name": "net", "ip_range": "10.0.0.0/8"})
    assert (answer.status, answer.code) == (422, "unsupported_error")
    assert answer.message == "networks: not part of the embedded cloud"
    assert cloud.ask("POST", "/v1/isos", {}).code == "method_not_allowed"


def test_an_action_that_this_cloud_lacks_is_not_taken_for_a_wrong_method(cloud: Embedded) -> None:
    server = cloud.furnish()["server"]
    answer = cloud.ask("POST", f"/v1/servers/{server}/actions/enable_rescue", {})
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.message.endswith("actions/enable_rescue is not part of the embedded cloud's Hetzner API")


def test_datacenters_are_gone(cloud: Embedded) -> None:
    for path in ("/v1/datacenters", "/v1/datacenters/4"):
        answer = cloud.ask("GET", path)
        assert (answer.status, answer.code) == (410, "deprecated_api_endpoint")
