"""What Hetzner sells: server types, locations, prices.

Source: `/v1/server_types`, `/v1/locations` and `/v1/pricing` of the Hetzner Cloud API as of 2026-09-29.
Prices: EUR per month without VAT, for orders since 2026-06-15
(https://docs.hetzner.com/general/infrastructure-and-availability/price-adjustment/).
"""

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

RETIRED: Mapping[str, str] = {
    "cx11": "cx23",
    "cx21": "cx23",
    "cx22": "cx23",
    "cx31": "cx33",
    "cx32": "cx33",
    "cx41": "cx43",
    "cx42": "cx43",
    "cx51": "cx53",
    "cx52": "cx53",
    "ccx11": "ccx13",
    "ccx12": "ccx13",
    "ccx21": "ccx23",
    "ccx22": "ccx23",
    "ccx31": "ccx33",
    "ccx32": "ccx33",
    "ccx41": "ccx43",
    "ccx42": "ccx43",
    "ccx51": "ccx53",
    "ccx52": "ccx53",
    "ccx62": "ccx63",
}
"""Types that can no longer be ordered, and what took their place."""
