"""Networks in CIDR notation, e.g. `203.0.113.0/24` or `2001:db8::/32`."""

import ipaddress
from typing import Annotated

from pydantic import AfterValidator

from components.settings.problem import wrong

ANY_NETWORK = frozenset({"0.0.0.0/0", "::/0"})


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        try:
            loose = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise wrong("is no network", "write it in CIDR notation, e.g. 203.0.113.0/24") from None
        raise wrong(
            "has host bits set", f"write {loose}, or one address as {value.split('/')[0]}/32"
        ) from None
    if "/" not in value:
        raise wrong("has no prefix length", f"write {network}")
    return str(network)


Network = Annotated[str, AfterValidator(_network)]
