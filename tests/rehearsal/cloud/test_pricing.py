"""The price list: complete, exact, and what the program expects to pay."""

from __future__ import annotations

from typing import Any

from components.settings import catalogue
from tests.rehearsal.cloud.harness import Embedded

# hcloud-go's schema.Pricing, without the two fields that the API no longer fills.
PRICING = {
    "currency": "",
    "vat_rate": "",
    "image": {"price_per_gb_month": {"net": "", "gross": ""}},
    "volume": {"price_per_gb_month": {"net": "", "gross": ""}},
    "server_backup": {"percentage": ""},
    "floating_ip": {"price_monthly": {"net": "", "gross": ""}},
    "floating_ips": [{"type": "", "prices": [{"location": "", "price_monthly": {"net": "", "gross": ""}}]}],
    "primary_ips": [
        {
            "type": "",
            "prices": [
                {
                    "location": "",
                    "price_hourly": {"net": "", "gross": ""},
                    "price_monthly": {"net": "", "gross": ""},
                }
            ],
        }
    ],
    "server_types": [
        {
            "id": 0,
            "name": "",
            "prices": [
                {
                    "location": "",
                    "price_hourly": {"net": "", "gross": ""},
                    "price_monthly": {"net": "", "gross": ""},
                    "included_traffic": 0,
                    "price_per_tb_traffic": {"net": "", "gross": ""},
                }
            ],
        }
    ],
    "load_balancer_types": [],
}


def require_shape(value: Any, shape: Any, where: str) -> None:
    """Same keys and same types all the way down; every element of a list has the shape of its first."""
    assert type(value) is type(shape), where
    if isinstance(shape, dict):
        assert value.keys() == shape.keys(), where
        for key in shape:
            require_shape(value[key], shape[key], f"{where}.{key}")
    elif isinstance(shape, list):
        assert bool(value) == bool(shape), where
        for index, one in enumerate(value):
            require_shape(one, shape[0], f"{where}[{index}]")


def test_the_price_list_has_the_shape_of_the_apis(cloud: Embedded) -> None:
    require_shape(cloud.good("GET", "/v1/pricing"), {"pricing": PRICING}, "answer")


def test_the_price_list_and_the_server_types_say_the_same(cloud: Embedded) -> None:
    listed = cloud.good("GET", "/v1/pricing")["pricing"]["server_types"]
    kinds = cloud.good("GET", "/v1/server_types?per_page=50")["server_types"]
    assert listed == [{name: kind[name] for name in ("id", "name", "prices")} for kind in kinds]


def test_an_amount_is_exact(cloud: Embedded) -> None:
    cx23 = cloud.good("GET", "/v1/server_types?name=cx23")["server_types"][0]
    assert cx23["prices"][0]["price_monthly"] == {"net": "5.4900000000", "gross": "5.4900000000000000"}


def test_the_program_expects_what_the_api_asks_for(cloud: Embedded) -> None:
    pricing = cloud.good("GET", "/v1/pricing")["pricing"]
    assert float(pricing["volume"]["price_per_gb_month"]["net"]) == catalogue.VOLUME_EUR_PER_GB
    assert float(pricing["server_backup"]["percentage"]) / 100 == catalogue.BACKUPS_SHARE
    addresses = {kind["type"]: kind["prices"] for kind in pricing["primary_ips"]}
    assert {float(one["price_monthly"]["net"]) for one in addresses["ipv4"]} == {catalogue.PRIMARY_IPV4_EUR}
    assert {float(one["price_monthly"]["net"]) for one in addresses["ipv6"]} == {0}
    for kind in cloud.good("GET", "/v1/server_types?per_page=50")["server_types"]:
        ours = catalogue.SERVER_TYPES[kind["name"]]
        size = (kind["architecture"], kind["cores"], kind["memory"] * 1024, kind["disk"])
        assert size == (ours.architecture, ours.cores, ours.memory_mb, ours.disk_gb), kind["name"]
        for price in kind["prices"]:
            asked = float(price["price_monthly"]["net"])
            assert asked == ours.eur_per_month[price["location"]], f"{kind['name']} in {price['location']}"
