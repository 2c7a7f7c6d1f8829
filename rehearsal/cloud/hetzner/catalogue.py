"""What Hetzner sells: locations, server types, images. Retired ones are simply absent, as they are there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from rehearsal.cloud.records import Record

# id, name, description, country, city, latitude, longitude, network zone
_LOCATIONS = (
    (1, "fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"),
    (2, "nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"),
    (3, "hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"),
    (4, "ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"),
    (5, "hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"),
    (6, "sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast"),
)
LOCATIONS: list[Record] = [
    dict(
        zip(
            ("id", "name", "description", "country", "city", "latitude", "longitude", "network_zone"),
            row,
            strict=True,
        )
    )
    for row in _LOCATIONS
]

EUROPE = ("fsn1", "nbg1", "hel1")


@dataclass(frozen=True)
class ServerType:
    """One server type. `memory` and `disk` in GB, `monthly` in EUR without VAT, without an IPv4 address."""

    id: int
    name: str
    cores: int
    memory: int
    disk: int
    monthly: float
    category: str
    cpu_type: str = "shared"
    architecture: str = "x86"
    locations: tuple[str, ...] = EUROPE


def hourly(monthly: float) -> float:
    """EUR an hour of what costs `monthly`, a price that is reached after 624 hours."""
    return round(monthly / 624, 4)


# Prices of September 2026, after the adjustments of 1 April and 15 June. The cx22 family and Europe's first
# cpx generation left the API at the end of 2025.
_COST, _REGULAR, _GENERAL = "Cost-Optimized", "Regular Performance", "General Purpose"
SERVER_TYPES = (
    ServerType(114, "cx23", 2, 4, 40, 5.49, _COST),
    ServerType(115, "cx33", 4, 8, 80, 8.49, _COST),
    ServerType(116, "cx43", 8, 16, 160, 15.99, _COST),
    ServerType(117, "cx53", 16, 32, 320, 29.49, _COST),
    ServerType(109, "cpx22", 2, 4, 80, 19.49, _REGULAR),
    ServerType(110, "cpx32", 4, 8, 160, 35.49, _REGULAR),
    ServerType(111, "cpx42", 8, 16, 320, 69.49, _REGULAR),
    ServerType(112, "cpx52", 12, 24, 480, 100.49, _REGULAR),
    ServerType(113, "cpx62", 16, 32, 640, 129.99, _REGULAR),
    ServerType(45, "cax11", 2, 4, 40, 5.99, _COST, architecture="arm"),
    ServerType(93, "cax21", 4, 8, 80, 10.49, _COST, architecture="arm"),
    ServerType(94, "cax31", 8, 16, 160, 20.99, _COST, architecture="arm"),
    ServerType(95, "cax41", 16, 32, 320, 40.99, _COST, architecture="arm"),
    ServerType(96, "ccx13", 2, 8, 80, 42.99, _GENERAL, "dedicated"),
    ServerType(97, "ccx23", 4, 16, 160, 85.99, _GENERAL, "dedicated"),
    ServerType(98, "ccx33", 8, 32, 240, 138.49, _GENERAL, "dedicated"),
    ServerType(99, "ccx43", 16, 64, 360, 275.99, _GENERAL, "dedicated"),
    ServerType(100, "ccx53", 32, 128, 600, 533.49, _GENERAL, "dedicated"),
    ServerType(101, "ccx63", 48, 192, 960, 853.49, _GENERAL, "dedicated"),
)

# An image can be had for three months after its deprecation.
_DEBIAN_11 = {"announced": "2026-08-31T00:00:00+00:00", "unavailable_after": "2026-11-30T00:00:00+00:00"}
# id, name, description, flavour, version, architecture, created, deprecation
_IMAGES = (
    (45557056, "debian-11", "Debian 11", "debian", "11", "x86", "2021-08-16", _DEBIAN_11),
    (103908130, "debian-11", "Debian 11", "debian", "11", "arm", "2023-03-20", _DEBIAN_11),
    (114690387, "debian-12", "Debian 12", "debian", "12", "x86", "2023-06-13", None),
    (114690389, "debian-12", "Debian 12", "debian", "12", "arm", "2023-06-13", None),
    (310557660, "debian-13", "Debian 13", "debian", "13", "x86", "2025-08-11", None),
    (310557661, "debian-13", "Debian 13", "debian", "13", "arm", "2025-08-11", None),
    (67794396, "ubuntu-22.04", "Ubuntu 22.04", "ubuntu", "22.04", "x86", "2022-04-21", None),
    (103908070, "ubuntu-22.04", "Ubuntu 22.04", "ubuntu", "22.04", "arm", "2023-03-20", None),
    (161547269, "ubuntu-24.04", "Ubuntu 24.04", "ubuntu", "24.04", "x86", "2024-04-25", None),
    (161547270, "ubuntu-24.04", "Ubuntu 24.04", "ubuntu", "24.04", "arm", "2024-04-25", None),
)
IMAGES: list[Record] = [
    {
        "id": number,
        "type": "system",
        "status": "available",
        "name": name,
        "description": description,
        "image_size": None,
        "disk_size": 5,
        "created": f"{created}T00:00:00+00:00",
        "created_from": None,
        "bound_to": None,
        "os_flavor": flavour,
        "os_version": version,
        "architecture": architecture,
        "rapid_deploy": True,
        "protection": {"delete": False},
        # Announced on 8 September 2026 to go; clients of today read either of the two.
        "deprecated": deprecation and deprecation["announced"],
        "deprecation": deprecation,
        "deleted": None,
        "labels": {},
    }
    for number, name, description, flavour, version, architecture, created, deprecation in _IMAGES
]


def find_location(reference: object) -> Record | None:
    """By id or name."""
    return next((loc for loc in LOCATIONS if str(reference) in (str(loc["id"]), loc["name"])), None)


def find_server_type(reference: object) -> ServerType | None:
    """By id or name."""
    return next((one for one in SERVER_TYPES if str(reference) in (str(one.id), one.name)), None)


def find_image(reference: object, architecture: str | None = None) -> Record | None:
    """By id, or by name and architecture."""
    for image in IMAGES:
        if str(reference) == str(image["id"]):
            return image
        if reference == image["name"] and architecture in (None, image["architecture"]):
            return image
    return None


def money(net: float) -> Record:
    """An amount in EUR, for an account outside the EU: no VAT is added."""
    amount = Decimal(str(net))  # a float's own sixteenth digit is no price's
    return {"net": f"{amount:.10f}", "gross": f"{amount:.16f}"}


def server_type_prices(kind: ServerType) -> list[Record]:
    """What a server type costs, by location."""
    return [
        {
            "location": name,
            "price_hourly": money(hourly(kind.monthly)),
            "price_monthly": money(kind.monthly),
            "included_traffic": 20 * 1024**4,
            "price_per_tb_traffic": money(1.0),
        }
        for name in kind.locations
    ]


def show_server_type(kind: ServerType, sold_out: frozenset[str] = frozenset()) -> Record:
    """A server type as the API gives it; `sold_out` are locations where it cannot be had right now."""
    return {
        "id": kind.id,
        "name": kind.name,
        "description": kind.name.upper(),
        "category": kind.category,
        "cores": kind.cores,
        "memory": float(kind.memory),
        "disk": kind.disk,
        "storage_type": "local",
        "cpu_type": kind.cpu_type,
        "architecture": kind.architecture,
        "included_traffic": 0,
        "deprecated": False,
        "deprecation": None,
        "prices": server_type_prices(kind),
        "locations": [
            {
                "id": location["id"],
                "name": location["name"],
                "recommended": location["name"] not in sold_out,
                "available": location["name"] not in sold_out,
                "deprecation": None,
            }
            for location in LOCATIONS
            if location["name"] in kind.locations
        ],
    }
