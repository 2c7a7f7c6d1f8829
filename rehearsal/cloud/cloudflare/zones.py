"""Zones: made when the cloud starts, with the id that the settings name."""

from __future__ import annotations

import re
import secrets

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.envelope import page, wrap
from rehearsal.cloud.cloudflare.permissions import held
from rehearsal.cloud.errors import CloudflareError
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

KIND = "zone"
IDENTIFIER = re.compile(r"[0-9a-f]{32}")
routes = Routes()


def make(cloud: Cloud, name: str, key: str | None = None) -> Record:
    """Makes an active zone on the free plan, or gives the one of that name and id.

    Raises:
        ValueError: the id is malformed, or name and id belong to different zones.
    """
    if key is not None and not IDENTIFIER.fullmatch(key):
        raise ValueError(f"zone {name}: id {key!r} is not 32 hexadecimal digits")
    for zone in cloud.store.all(KIND):
        if zone["name"] == name or zone["id"] == key:
            if zone["name"] != name or key not in (None, zone["id"]):
                raise ValueError(
                    f"zone {name} with id {key} clashes with zone {zone['name']} with id {zone['id']}"
                )
            return zone
    moment = now_micro()
    zone = {
        "id": key or secrets.token_hex(16),
        "name": name,
        "status": "active",
        "paused": False,
        "type": "full",
        "development_mode": 0,
        "name_servers": ["ada.ns.cloudflare.com", "lee.ns.cloudflare.com"],
        "original_name_servers": None,
        "original_registrar": None,
        "original_dnshost": None,
        "modified_on": moment,
        "created_on": moment,
        "activated_on": moment,
        "vanity_name_servers": [],
        "vanity_name_servers_ips": None,
        "meta": {
            "step": 4,
            "custom_certificate_quota": 0,
            "page_rule_quota": 3,
            "phishing_detected": False,
        },
        "owner": {"id": None, "type": "user", "email": None},
        "account": {"id": cloud.account, "name": "Rehearsal"},
        "tenant": {"id": None, "name": None},
        "tenant_unit": {"id": None},
        "plan": {
            "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            "name": "Free Website",
            "price": 0,
            "currency": "USD",
            "frequency": "",
            "is_subscribed": False,
            "can_subscribe": False,
            "legacy_id": "free",
            "legacy_discount": False,
            "externally_managed": False,
        },
    }
    cloud.store.put(KIND, zone)
    return zone


def zone_of(cloud: Cloud, request: Request) -> Record:
    """The zone of a path below `/zones/{zone}`.

    Raises:
        CloudflareError: 7003 for a malformed id, 10000 for a zone that the token has no access to.
    """
    key = request.params["zone"]
    if not IDENTIFIER.fullmatch(key):
        raise CloudflareError(
            404, 7003, f"Could not route to {request.route}, perhaps your object identifier is invalid?"
        )
    zone = cloud.store.get(KIND, key)
    if zone is None:
        raise CloudflareError(403, 10000, "Authentication error")
    return zone


def zone_of_host(cloud: Cloud, host: str) -> Record | None:
    """The zone that a host name lies in."""
    plain = host.removeprefix("*.")
    return next(
        (z for z in cloud.store.all(KIND) if plain == z["name"] or plain.endswith("." + z["name"])), None
    )


def _show(cloud: Cloud, request: Request, zone: Record) -> Record:
    return {**zone, "permissions": held(cloud, request)}


@routes.add("GET", "/zones")
def list_zones(cloud: Cloud, request: Request) -> Response:
    """Zones, by name, status or account."""
    found = cloud.store.all(KIND)
    for name in ("name", "status"):
        wanted = request.first(name)
        if wanted:
            found = [zone for zone in found if zone[name] == wanted]
    account = request.first("account.id")
    if account:
        found = [zone for zone in found if zone["account"]["id"] == account]
    return page(request, [_show(cloud, request, zone) for zone in found], default=20, maximum=50)


@routes.add("GET", "/zones/{zone}")
def get_zone(cloud: Cloud, request: Request) -> Response:
    """One zone."""
    try:
        return wrap(_show(cloud, request, zone_of(cloud, request)))
    except CloudflareError as error:
        if error.code != 10000:
            raise
        # Asked for itself rather than for what is in it, an unknown zone is refused in other words.
        raise CloudflareError(403, 9109, "Unauthorized to access requested resource") from None
