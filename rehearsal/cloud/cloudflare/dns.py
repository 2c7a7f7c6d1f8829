"""DNS records."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable
from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.envelope import body_of, page, wrap
from rehearsal.cloud.cloudflare.zones import zone_of
from rehearsal.cloud.errors import CloudflareError, cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

KIND = "dns_record"
PROXIABLE = ("A", "AAAA", "CNAME")
ADDRESSES = ("A", "AAAA")
# The types whose content is one text; SRV, CAA and the like have `data` instead and are not needed here.
TYPES = ("A", "AAAA", "CNAME", "TXT", "MX", "NS", "PTR")
MAX_RECORDS = 200
# The rehearsal's own servers live on loopback, which Cloudflare itself would refuse to proxy to.
REHEARSED = ipaddress.ip_network("127.77.0.0/16")
DOCUMENTATION = tuple(
    ipaddress.ip_network(block)
    for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
_LABEL = r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)"
NAME = re.compile(rf"(?=.{{1,255}}$)(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
routes = Routes()


def _address(content: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(content).version == version
    except ValueError:
        return False


_CONTENT: dict[str, tuple[Callable[[str], bool], int, str]] = {
    "A": (lambda text: _address(text, 4), 9005, "Content for A record must be a valid IPv4 address."),
    "AAAA": (lambda text: _address(text, 6), 9006, "Content for AAAA record must be a valid IPv6 address."),
    "CNAME": (lambda text: bool(NAME.fullmatch(text)), 9007, "Content for CNAME record is invalid."),
    "MX": (lambda text: bool(NAME.fullmatch(text)), 9009, "Content for MX record is invalid."),
    "NS": (lambda text: bool(NAME.fullmatch(text)), 9010, "Content for NS record is invalid."),
    "PTR": (lambda text: bool(NAME.fullmatch(text)), 9104, "Content for PTR record is invalid."),
    "TXT": (lambda text: 0 < len(text) <= 2048, 9011, "Content for TXT record is invalid."),
}


def _full_name(raw: Any, zone: str) -> str:
    if not isinstance(raw, str) or not raw:
        raise cloudflare_invalid(9000, "DNS name is invalid.")
    name = raw.lower().rstrip(".")
    if name == "@":
        return zone
    if name != zone and not name.endswith("." + zone):
        name = f"{name}.{zone}"
    if not NAME.fullmatch(name):
        raise cloudflare_invalid(9000, "DNS name is invalid.")
    return name


def _content(body: Record, kind: str) -> str:
    raw = body.get("content")
    if raw is None:
        raise cloudflare_invalid(9100, f"Content for {kind} record is missing.")
    text = str(raw)
    if kind in ("CNAME", "MX", "NS", "PTR"):
        text = text.lower().rstrip(".")
    good, code, message = _CONTENT[kind]
    if not good(text):
        raise cloudflare_invalid(code, message)
    return str(ipaddress.ip_address(text)) if kind in ADDRESSES else text


def _ttl(body: Record, *, proxied: bool) -> int:
    ttl = body.get("ttl", 1)
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or ttl != int(ttl):
        raise cloudflare_invalid(
            9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic."
        )
    if ttl != 1 and not 60 <= ttl <= 86400:
        raise cloudflare_invalid(
            9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic."
        )
    # A proxied record's TTL is always automatic, whatever was asked.
    return 1 if proxied else int(ttl)


def _proxied(body: Record, kind: str, content: str) -> bool:
    proxied = body.get("proxied", False)
    if not isinstance(proxied, bool):
        raise cloudflare_invalid(9207, "Request body is invalid.")
    if not proxied:
        return False
    if kind not in PROXIABLE:
        raise cloudflare_invalid(9004, "This record type cannot be proxied.")
    if kind in ADDRESSES:
        address = ipaddress.ip_address(content)
        known = address in REHEARSED or any(address in block for block in DOCUMENTATION)
        if not known and not address.is_global:
            raise cloudflare_invalid(9003, f"Target {content} is not allowed for a proxied record.")
    return True


def _read(body: Record, zone: Record) -> Record:
    """What a request says a record is to be."""
    kind = body.get("type")
    if kind not in TYPES:
        raise cloudflare_invalid(
            9001, f"DNS record type {kind!r} is invalid or not part of the embedded cloud."
        )
    name, content = _full_name(body.get("name"), zone["name"]), _content(body, kind)
    proxied = _proxied(body, kind, content)
    comment, tags = body.get("comment"), body.get("tags") or []
    if comment is not None and (not isinstance(comment, str) or len(comment) > 100):
        raise cloudflare_invalid(9213, "DNS record comment exceeds 100 characters.")
    if tags:
        raise cloudflare_invalid(9300, "DNS record has 1 tags, exceeding the quota of 0.")
    priority = body.get("priority")
    if kind == "MX" and (isinstance(priority, bool) or not isinstance(priority, (int, float))):
        raise cloudflare_invalid(9102, "MX record priority is missing.")
    record: Record = {
        "name": name,
        "type": kind,
        "content": content,
        "proxiable": kind in PROXIABLE,
        "proxied": proxied,
        "ttl": _ttl(body, proxied=proxied),
        "settings": body.get("settings") or {},
        "meta": {},
        "comment": comment,
        "tags": [],
    }
    if kind == "MX":
        record["priority"] = int(priority or 0)
    return record


def _require_unique(cloud: Cloud, zone: Record, record: Record, besides: str | None = None) -> None:
    same_name = [
        other
        for other in cloud.store.all(KIND)
        if other["zone_id"] == zone["id"] and other["name"] == record["name"] and other["id"] != besides
    ]
    for other in same_name:
        if (other["type"], other["content"]) == (record["type"], record["content"]):
            raise cloudflare_invalid(81058, "An identical record already exists.")
    kinds = {other["type"] for other in same_name}
    if record["type"] == "CNAME" and kinds & {"A", "AAAA", "CNAME"}:
        raise cloudflare_invalid(81053, "An A, AAAA, or CNAME record with that host already exists.")
    if record["type"] in ADDRESSES and "CNAME" in kinds:
        raise cloudflare_invalid(81054, "A CNAME record with that host already exists.")
    if (record["type"] == "NS") != ("NS" in kinds) and kinds:
        raise cloudflare_invalid(81056, "NS records with that host already exist.")


def _show(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "zone_id"}


def _wanted(cloud: Cloud, zone: Record, request: Request) -> Record:
    record = cloud.store.get(KIND, request.params["id"])
    if record is None or record["zone_id"] != zone["id"]:
        raise CloudflareError(404, 81044, "Record does not exist.")
    return record


@routes.add("GET", "/zones/{zone}/dns_records")
def list_records(cloud: Cloud, request: Request) -> Response:
    """Records, by type, name, content or proxied, as `name=` or `name.exact=`."""
    zone = zone_of(cloud, request)
    found = [record for record in cloud.store.all(KIND) if record["zone_id"] == zone["id"]]
    for name in ("type", "name", "content"):
        wanted = request.first(name) or request.first(f"{name}.exact")
        if wanted:
            found = [record for record in found if record[name].lower() == wanted.lower()]
    proxied = request.first("proxied")
    if proxied:
        found = [record for record in found if record["proxied"] == (proxied == "true")]
    return page(request, [_show(record) for record in found])


@routes.add("POST", "/zones/{zone}/dns_records")
def create(cloud: Cloud, request: Request) -> Response:
    """Makes a record."""
    zone = zone_of(cloud, request)
    wanted = _read(body_of(request), zone)
    _require_unique(cloud, zone, wanted)
    if sum(record["zone_id"] == zone["id"] for record in cloud.store.all(KIND)) >= MAX_RECORDS:
        raise cloudflare_invalid(81045, "Record quota exceeded.")
    moment = now_micro()
    record: Record = {
        "id": secrets.token_hex(16),
        "zone_id": zone["id"],
        **wanted,
        "created_on": moment,
        "modified_on": moment,
    }
    if wanted["comment"]:
        record["comment_modified_on"] = moment
    cloud.store.put(KIND, record)
    return wrap(_show(record))


@routes.add("GET", "/zones/{zone}/dns_records/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One record."""
    return wrap(_show(_wanted(cloud, zone_of(cloud, request), request)))


def _write(cloud: Cloud, request: Request, *, partial: bool) -> Response:
    zone = zone_of(cloud, request)
    old = _wanted(cloud, zone, request)
    body = body_of(request)
    wanted = _read({**old, **body} if partial else body, zone)
    _require_unique(cloud, zone, wanted, old["id"])
    moment = now_micro()
    record = {
        "id": old["id"],
        "zone_id": zone["id"],
        **wanted,
        "created_on": old["created_on"],
        "modified_on": moment,
    }
    if wanted["comment"]:
        same = wanted["comment"] == old["comment"]
        record["comment_modified_on"] = old.get("comment_modified_on", moment) if same else moment
    cloud.store.put(KIND, record)
    return wrap(_show(record))


@routes.add("PUT", "/zones/{zone}/dns_records/{id}")
def overwrite(cloud: Cloud, request: Request) -> Response:
    """Replaces a record; what is not given falls back to its default."""
    return _write(cloud, request, partial=False)


@routes.add("PATCH", "/zones/{zone}/dns_records/{id}")
def edit(cloud: Cloud, request: Request) -> Response:
    """Changes what is given."""
    return _write(cloud, request, partial=True)


@routes.add("DELETE", "/zones/{zone}/dns_records/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Removes a record."""
    record = _wanted(cloud, zone_of(cloud, request), request)
    cloud.store.delete(KIND, record["id"])
    return wrap({"id": record["id"]})
