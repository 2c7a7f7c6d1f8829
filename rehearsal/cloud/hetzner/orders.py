"""What a new server needs, checked: its type, image, addresses, keys, firewalls, volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, invalid, not_found
from rehearsal.cloud.hetzner import firewalls, ssh_keys, volumes
from rehearsal.cloud.hetzner.catalogue import ServerType, find_image, find_server_type
from rehearsal.cloud.hetzner.fields import Fields
from rehearsal.cloud.messages import Request
from rehearsal.cloud.records import Record


def purchase(cloud: Cloud, request: Request, reference: str | int, location: str) -> ServerType:
    """The server type, if it exists, is offered there and is not sold out.

    Raises:
        HetznerError: invalid_input, resource_unavailable.
    """
    kind = find_server_type(reference)
    if kind is None:
        raise invalid("server_type", f"server type '{reference}' not found")
    if location not in kind.locations:
        raise HetznerError("invalid_input", "unsupported location for server type")
    if cloud.faults.take("sold_out", request.method, request.path, server_type=kind.name, location=location):
        raise HetznerError("resource_unavailable", "error during placement")
    return kind


def purchase_image(reference: str | int, architecture: str) -> Record:
    """The image, if it exists for the architecture.

    Raises:
        HetznerError: invalid_input.
    """
    image = find_image(reference, architecture)
    if image is None:
        raise invalid("image", f"image '{reference}' not found for architecture {architecture}")
    if image["architecture"] != architecture:
        raise invalid("image", f"image is for {image['architecture']}, the server type is {architecture}")
    return image


@dataclass(frozen=True)
class PublicNet:
    """Which addresses a new server is to have: those named, or fresh ones of the kinds in `fresh`."""

    given: tuple[Record, ...]
    fresh: tuple[str, ...]


def public_net(cloud: Cloud, fields: Fields, location: str) -> PublicNet:
    """The addresses that are asked for; without `public_net` one fresh of each kind.

    Raises:
        HetznerError: one is missing, of the wrong kind, elsewhere or taken, or none is wanted at all.
    """
    net: Any = fields.values.get("public_net") or {}
    if not isinstance(net, dict):
        raise invalid("public_net", "must be an object")
    given: list[Record] = []
    fresh: list[str] = []
    for kind in ("ipv4", "ipv6"):
        if not net.get(f"enable_{kind}", True):
            if net.get(kind):
                raise invalid(f"public_net.{kind}", f"must not be given while enable_{kind} is false")
            continue
        if not net.get(kind):
            fresh.append(kind)
            continue
        address = cloud.store.get("primary_ip", net[kind])
        if address is None:
            raise not_found("Primary IP", net[kind])
        if address["type"] != kind:
            raise HetznerError("primary_ip_version_mismatch", f"Primary IP is not an {kind} address")
        if address["location"] != location:
            raise HetznerError("primary_ip_datacenter_mismatch", "Primary IP is in a different location")
        if address["assignee_id"] is not None:
            raise HetznerError("primary_ip_assigned", "Primary IP is already assigned to a server")
        given.append(address)
    if not given and not fresh:
        raise invalid("public_net", "a server without a private network needs ipv4 or ipv6")
    return PublicNet(tuple(given), tuple(fresh))


def keys_of(cloud: Cloud, fields: Fields) -> list[str]:
    """The public keys of `ssh_keys`, which are named by id or name.

    Raises:
        HetznerError: not_found.
    """
    found = []
    for reference in fields.items("ssh_keys"):
        key = ssh_keys.find(cloud, reference)
        if key is None:
            raise not_found("SSH key", reference)
        found.append(key["public_key"])
    return found


def firewalls_of(cloud: Cloud, fields: Fields) -> list[int]:
    """The ids of `firewalls`, each once.

    Raises:
        HetznerError: one is not there, or they are too many.
    """
    found: list[int] = []
    for index, item in enumerate(fields.items("firewalls")):
        key = item.get("firewall") if isinstance(item, dict) else None
        if not isinstance(key, int):
            raise invalid(f"firewalls.{index}", "must be an object with the ID of a firewall")
        if cloud.store.get("firewall", key) is None:
            raise not_found("firewall", key)
        if key not in found:
            found.append(key)
    if len(found) > firewalls.MAX_PER_SERVER:
        raise invalid("firewalls", f"at most {firewalls.MAX_PER_SERVER} firewalls per server")
    return found


def volumes_of(cloud: Cloud, fields: Fields, server: Record) -> list[Record]:
    """The volumes that are to hang on the server from the start.

    Raises:
        HetznerError: one is not there, busy, attached or elsewhere.
    """
    found = []
    for reference in fields.items("volumes"):
        volume = cloud.store.get("volume", reference)
        if volume is None:
            raise not_found("volume", reference)
        cloud.actions.require_unlocked("volume", volume["id"])
        volumes.require_attachable(cloud, volume, server)
        found.append(volume)
    return found
