"""The catalogue: what is sold, what no longer is."""

from __future__ import annotations

from tests.rehearsal.cloud.harness import Embedded


def test_the_official_client_reads_server_types_images_locations(cloud: Embedded) -> None:
    cx23 = cloud.hetzner.server_types.get_by_name("cx23")
    assert (cx23.id, cx23.cores, cx23.memory, cx23.disk, cx23.architecture) == (114, 2, 4, 40, "x86")
    assert {price["location"] for price in cx23.prices} == {"fsn1", "nbg1", "hel1"}
    assert float(cx23.prices[0]["price_monthly"]["net"]) == 5.49
    assert [one.location.name for one in cx23.locations] == ["fsn1", "nbg1", "hel1"]
    assert cloud.hetzner.locations.get_by_name("fsn1").network_zone == "eu-central"
    image = cloud.hetzner.images.get_by_name_and_architecture("debian-12", "x86")
    assert image.id == 114690387
    assert len(cloud.hetzner.server_types.get_all()) == 19


def test_every_type_of_the_families_is_there_and_has_a_price_per_location(cloud: Embedded) -> None:
    kinds = {kind["name"]: kind for kind in cloud.good("GET", "/v1/server_types?per_page=50")["server_types"]}
    assert {"cx23", "cx33", "cx43", "cx53", "cpx22", "cpx32", "cax11", "ccx13"} <= set(kinds)
    for kind in kinds.values():
        places = [place["name"] for place in kind["locations"]]
        assert [price["location"] for price in kind["prices"]] == places
        assert all(float(price["price_hourly"]["net"]) > 0 for price in kind["prices"])


def test_retired_types_are_gone(cloud: Embedded) -> None:
    for name in ("cx22", "cx11", "cpx21"):
        assert cloud.good("GET", f"/v1/server_types?name={name}")["server_types"] == []
        assert cloud.hetzner.server_types.get_by_name(name) is None
    assert cloud.ask("GET", "/v1/server_types/104").code == "not_found"


def test_deprecated_images_are_listed_only_on_request(cloud: Embedded) -> None:
    assert cloud.good("GET", "/v1/images?name=debian-11")["images"] == []
    found = cloud.good("GET", "/v1/images?architecture=x86&include_deprecated=true&name=debian-11")["images"]
    assert len(found) == 1
    assert found[0]["deprecated"]


def test_a_type_without_an_offer_in_a_location_says_so(cloud: Embedded) -> None:
    body = {"name": "box", "server_type": "cx23", "image": "debian-12", "location": "sin"}
    answer = cloud.ask("POST", "/v1/servers", body)
    assert (answer.status, answer.code) == (422, "invalid_input")
    assert answer.message == "unsupported location for server type"
