"""The rules of a firewall: what may be said."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from rehearsal.cloud.errors import invalid
from rehearsal.cloud.records import Record

# https://docs.hetzner.com/cloud/firewalls/overview#limits
MAX_RULES = 50
MAX_EFFECTIVE_RULES = 500
MAX_NETWORKS = 100


def _networks(value: Any, field: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_NETWORKS:
        raise invalid(field, f"must be an array of at most {MAX_NETWORKS} CIDR blocks")
    for network in value:
        try:
            ipaddress.ip_network(network)
        except (TypeError, ValueError) as error:
            raise invalid(field, f"'{network}' is not a CIDR block: {error}") from None
        if "/" not in network:
            raise invalid(field, f"'{network}' must be in CIDR block notation")
    return [str(network) for network in value]


def _port(value: Any, protocol: str, field: str) -> str | None:
    if protocol not in ("tcp", "udp"):
        if value is not None:
            raise invalid(field, f"port is not allowed with protocol {protocol}")
        return None
    if value is None:
        raise invalid(field, f"port is required with protocol {protocol}")
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", str(value))
    if value == "any":
        return "any"
    if not match:
        raise invalid(field, f"'{value}' is neither a port, a range of ports nor any")
    low, high = int(match[1]), int(match[2] or match[1])
    if not 1 <= low <= high <= 65535:
        raise invalid(field, f"'{value}' is not between 1 and 65535")
    return str(value)


def check_rules(values: list[Any]) -> list[Record]:
    """Rules from a request, as they are stored and shown.

    Raises:
        HetznerError: invalid_input, naming the rule and its field.
    """
    if len(values) > MAX_RULES:
        raise invalid("rules", f"too many rules, at most {MAX_RULES}")
    rules = []
    for index, value in enumerate(values):
        where = f"rules.{index}"
        if not isinstance(value, dict):
            raise invalid(where, "must be an object")
        direction, protocol = value.get("direction"), value.get("protocol")
        if direction not in ("in", "out"):
            raise invalid(f"{where}.direction", "must be one of in, out")
        if protocol not in ("tcp", "udp", "icmp", "esp", "gre"):
            raise invalid(f"{where}.protocol", "must be one of tcp, udp, icmp, esp, gre")
        sources = _networks(value.get("source_ips"), f"{where}.source_ips")
        destinations = _networks(value.get("destination_ips"), f"{where}.destination_ips")
        if direction == "in" and (not sources or destinations):
            raise invalid(f"{where}.source_ips", "an inbound rule has source_ips and no destination_ips")
        if direction == "out" and (not destinations or sources):
            raise invalid(
                f"{where}.destination_ips", "an outbound rule has destination_ips and no source_ips"
            )
        description = value.get("description")
        if description is not None and (not isinstance(description, str) or len(description) > 255):
            raise invalid(f"{where}.description", "must be a string of at most 255 characters")
        rules.append(
            {
                "direction": direction,
                "source_ips": sources,
                "destination_ips": destinations,
                "protocol": protocol,
                "port": _port(value.get("port"), protocol, f"{where}.port"),
                "description": description,
            }
        )
    effective = sum(len(rule["source_ips"]) + len(rule["destination_ips"]) for rule in rules)
    if effective > MAX_EFFECTIVE_RULES:
        raise invalid("rules", f"{effective} effective rules, at most {MAX_EFFECTIVE_RULES}")
    return rules
