"""How many of each a project may have, and names that are unique within it."""

from __future__ import annotations

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, not_unique

# Hetzner sets these per account and raises them on request; a small account's are of this order.
LIMITS = {"server": 10, "primary_ip": 20, "volume": 20, "firewall": 50}


def require_room(cloud: Cloud, kind: str, wanted: int = 1) -> None:
    """Refuses one more than the project's limit.

    Raises:
        HetznerError: resource_limit_exceeded.
    """
    if kind in LIMITS and len(cloud.store.all(kind)) + wanted > LIMITS[kind]:
        name = f"{kind}_limit"
        raise HetznerError("resource_limit_exceeded", f"{kind} limit exceeded", {"limits": [{"name": name}]})


def require_free_name(cloud: Cloud, kind: str, name: str, besides: int | None = None) -> None:
    """Refuses a name that another object of the kind has.

    Raises:
        HetznerError: uniqueness_error.
    """
    for other in cloud.store.all(kind):
        if other["name"] == name and other["id"] != besides and not other.get("deleting"):
            raise not_unique("name", f"{kind.replace('_', ' ')} name is already used")
