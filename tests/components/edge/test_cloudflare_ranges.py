"""The constant ranges are networks, and stand in only where no others are named."""

import ipaddress
import itertools

from components.edge import http_sources
from components.edge.cloudflare_ranges import IPV4, IPV6


def test_every_range_is_a_public_network_of_its_family() -> None:
    for networks, family in ((IPV4, ipaddress.IPv4Network), (IPV6, ipaddress.IPv6Network)):
        for text in networks:
            network = ipaddress.ip_network(text)
            assert isinstance(network, family), text
            assert network.is_global, f"{text} would let in a private network"
            assert text == str(network), f"{text}: Hetzner stores {network}, and every preview would differ"


def test_no_range_overlaps_another() -> None:
    for networks in (IPV4, IPV6):
        for one, other in itertools.combinations(map(ipaddress.ip_network, networks), 2):
            assert not one.overlaps(other), f"{one} and {other} would count twice"


def test_networks_that_are_named_replace_cloudflares() -> None:
    assert http_sources(["203.0.113.0/24"]) == ("203.0.113.0/24",)
    assert http_sources([]) == IPV4 + IPV6
