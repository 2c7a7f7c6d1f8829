"""Networks in CIDR notation, e.g. `203.0.113.0/24` or `2001:db8::/32`."""

import ipaddress
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated

from pydantic import AfterValidator

from components.settings.problem import wrong

MAXIMUM_OF_A_RULE = 100
"""Hetzner's limit (https://docs.hetzner.com/cloud/firewalls/overview#limits)."""
WIDEST = {4: 8, 6: 16}
"""By version the shortest prefix that any one organisation has; a shorter one is a part of the world."""
_EXAMPLES = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
]
"""For documentation (RFC 5737, 3849, 9637): they stand for yours in the stack files as they come."""
_SHARED = ipaddress.ip_network("100.64.0.0/10")


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        try:
            loose = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise wrong("is no network", "write it in CIDR notation, e.g. 203.0.113.0/24") from None
        one = value.split("/")[0]
        raise wrong(
            "has host bits set", f"write {loose}, or one address as {one}/{loose.max_prefixlen}"
        ) from None
    if "/" not in value:
        raise wrong("has no prefix length", f"write {network}")
    return str(network)


Network = Annotated[str, AfterValidator(_network)]


def lies_in(network: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    """Whether `network` is a part of `other`, or the same."""
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def is_an_example(network: IPv4Network | IPv6Network) -> bool:
    """Whether it is one of those that documents use, and nobody has."""
    return any(lies_in(network, one) for one in _EXAMPLES)


def unroutable(where: IPv4Network | IPv6Network | IPv4Address | IPv6Address) -> str | None:
    """What kind of network or address never comes or is reached over the Internet; None: it may."""
    network = ipaddress.ip_network(where)
    if is_an_example(network):
        return None
    if lies_in(network, _SHARED):
        return "a provider's own (RFC 6598)"
    for kind, is_it in (
        ("loopback", network.is_loopback),
        ("link-local", network.is_link_local),
        ("multicast", network.is_multicast),
        ("private", network.is_private),
        ("reserved", network.is_reserved),
    ):
        if is_it:
            return kind
    return None


def repeated(networks: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The index of each network that lies in another, or is named before, with that other one."""
    parsed = [ipaddress.ip_network(network) for network in networks]
    for index, network in enumerate(parsed):
        for other, wider in enumerate(parsed):
            if other != index and lies_in(network, wider) and (network != wider or other < index):
                yield index, networks[other]
                break


def joined(networks: Sequence[str]) -> list[IPv4Network | IPv6Network]:
    """The networks that they are together, as few as can be."""
    parsed = [ipaddress.ip_network(network) for network in networks]
    return [
        *ipaddress.collapse_addresses(n for n in parsed if isinstance(n, IPv4Network)),
        *ipaddress.collapse_addresses(n for n in parsed if isinstance(n, IPv6Network)),
    ]
