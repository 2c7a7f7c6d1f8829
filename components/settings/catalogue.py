"""What Hetzner sells: server types, locations, prices.

Source: `/v1/server_types`, `/v1/locations` and `/v1/pricing` of the Hetzner Cloud API as of 2026-09-29.
Prices: EUR per month without VAT, for orders since 2026-06-15
(https://docs.hetzner.com/general/infrastructure-and-availability/price-adjustment/).
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Architecture = Literal["x86", "arm"]

LOCATIONS: Mapping[str, str] = {
    "fsn1": "Falkenstein, Germany",
    "nbg1": "Nuremberg, Germany",
    "hel1": "Helsinki, Finland",
    "ash": "Ashburn, Virginia",
    "hil": "Hillsboro, Oregon",
    "sin": "Singapore",
}

PRIMARY_IPV4_EUR = 0.50
"""Each, per month, in every location; IPv6 is free."""
VOLUME_EUR_PER_GB = 0.0572
BACKUPS_SHARE = 0.20
"""Of the server's price (https://docs.hetzner.com/cloud/billing/faq/)."""


@dataclass(frozen=True)
class ServerType:
    """One type of server: memory in MiB, disk in GB, and the price at each location that sells it."""

    name: str
    architecture: Architecture
    cores: int
    memory_mb: int
    disk_gb: int
    eur_per_month: Mapping[str, float]


def _type(
    name: str,
    cores: int,
    memory_gb: int,
    disk_gb: int,
    *,
    eu: float | None = None,
    us: float | None = None,
    sin: float | None = None,
    architecture: Architecture = "x86",
) -> ServerType:
    prices = {"fsn1": eu, "nbg1": eu, "hel1": eu, "ash": us, "hil": us, "sin": sin}
    sold = {location: price for location, price in prices.items() if price is not None}
    return ServerType(name, architecture, cores, memory_gb * 1024, disk_gb, sold)


SERVER_TYPES: Mapping[str, ServerType] = {
    server_type.name: server_type
    for server_type in (
        # Shared, cost-optimized; often sold out.
        _type("cx23", 2, 4, 40, eu=5.49),
        _type("cx33", 4, 8, 80, eu=8.49),
        _type("cx43", 8, 16, 160, eu=15.99),
        _type("cx53", 16, 32, 320, eu=29.49),
        _type("cax11", 2, 4, 40, eu=5.99, architecture="arm"),
        _type("cax21", 4, 8, 80, eu=10.49, architecture="arm"),
        _type("cax31", 8, 16, 160, eu=20.99, architecture="arm"),
        _type("cax41", 16, 32, 320, eu=40.99, architecture="arm"),
        # Shared, regular performance.
        _type("cpx12", 1, 2, 40, eu=11.49, sin=15.49),
        _type("cpx22", 2, 4, 80, eu=19.49, sin=26.49),
        _type("cpx32", 4, 8, 160, eu=35.49, sin=48.99),
        _type("cpx42", 8, 16, 320, eu=69.49, sin=93.49),
        _type("cpx52", 12, 24, 480, eu=100.49, sin=134.49),
        _type("cpx62", 16, 32, 640, eu=129.99, sin=171.99),
        # The generation before, sold in the USA only.
        _type("cpx11", 2, 2, 40, us=17.49),
        _type("cpx21", 3, 4, 80, us=31.99),
        _type("cpx31", 4, 8, 160, us=62.49),
        _type("cpx41", 8, 16, 240, us=120.49),
        _type("cpx51", 16, 32, 360, us=237.99),
        # Dedicated cores.
        _type("ccx13", 2, 8, 80, eu=42.99, us=43.49, sin=53.99),
        _type("ccx23", 4, 16, 160, eu=85.99, us=87.49, sin=108.49),
        _type("ccx33", 8, 32, 240, eu=138.49, us=140.99, sin=174.49),
        _type("ccx43", 16, 64, 360, eu=275.99, us=279.49, sin=340.99),
        _type("ccx53", 32, 128, 600, eu=533.49, us=538.49, sin=651.99),
        _type("ccx63", 48, 192, 960, eu=853.49, us=859.99, sin=1036.49),
    )
}

RETIRED: Mapping[str, ServerType] = {
    server_type.name: server_type
    for server_type in (
        _type("cx11", 1, 2, 20),
        _type("cx21", 2, 4, 40),
        _type("cx22", 2, 4, 40),
        _type("cx31", 2, 8, 80),
        _type("cx32", 4, 8, 80),
        _type("cx41", 4, 16, 160),
        _type("cx42", 8, 16, 160),
        _type("cx51", 8, 32, 240),
        _type("cx52", 16, 32, 320),
        _type("ccx11", 2, 8, 80),
        _type("ccx12", 2, 8, 80),
        _type("ccx21", 4, 16, 160),
        _type("ccx22", 4, 16, 160),
        _type("ccx31", 8, 32, 240),
        _type("ccx32", 8, 32, 240),
        _type("ccx41", 16, 64, 360),
        _type("ccx42", 16, 64, 360),
        _type("ccx51", 32, 128, 600),
        _type("ccx52", 32, 128, 600),
        _type("ccx62", 48, 192, 960),
    )
}
"""Types that run on, and can no longer be ordered: no location sells them."""


def known(name: str) -> ServerType | None:
    """The type of that name, on sale or retired; None of one that is newer than this catalogue."""
    return SERVER_TYPES.get(name) or RETIRED.get(name)


def successor(retired: ServerType) -> str | None:
    """The smallest type on sale of its family that is no smaller; None if there is none."""
    larger = (
        name
        for name, one in SERVER_TYPES.items()
        if _family(name) == _family(retired.name)
        and one.cores >= retired.cores
        and one.memory_mb >= retired.memory_mb
        and one.disk_gb >= retired.disk_gb
    )
    return next(larger, None)


def meant(name: str) -> str | None:
    """The type on sale that a misspelt `name` is most like, of its own family first.

    Of equals it is the one of the same size (the first digit), then the cheapest: it is a guess.
    """

    def ratio(candidate: str) -> float:
        return difflib.SequenceMatcher(None, name, candidate).ratio()

    def likeness(candidate: str) -> tuple[bool, float, bool, float]:
        price = min(SERVER_TYPES[candidate].eur_per_month.values())
        same_family, same_size = _family(candidate) == _family(name), candidate[:-1] == name[:-1]
        return same_family, ratio(candidate), same_size, -price

    return max((one for one in SERVER_TYPES if ratio(one) >= 0.6), key=likeness, default=None)


def _family(name: str) -> str:
    return name.rstrip("0123456789")
