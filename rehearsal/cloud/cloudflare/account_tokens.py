"""Tokens of an account: https://developers.cloudflare.com/api/resources/accounts/subresources/tokens/."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.accounts import account_of
from rehearsal.cloud.cloudflare.envelope import body_of, page, wrap
from rehearsal.cloud.errors import CloudflareError, cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

KIND = "account_token"
# https://developers.cloudflare.com/r2/api/tokens/#permission-groups
GROUPS = {
    "2efd5506f9c8494dacb1fa10a3e7d5b6": "Workers R2 Storage Bucket Item Write",
    "6a018a9f2fc74eb6b293b0c548f38b39": "Workers R2 Storage Bucket Item Read",
}
STATUSES = ("active", "disabled")
_PATH = "/accounts/{account}/tokens"
routes = Routes()


def _policies(body: Record) -> list[Record]:
    """As they are told: each with an id, and its groups with their names."""
    given = body.get("policies")
    if not isinstance(given, list) or not given:
        raise cloudflare_invalid(1001, "Policies are required for a token")
    found = []
    for policy in given:
        groups, resources = policy.get("permission_groups"), policy.get("resources")
        if policy.get("effect") not in ("allow", "deny") or not groups or not isinstance(resources, dict):
            raise cloudflare_invalid(1001, "A policy needs effect, permission_groups and resources")
        if unknown := [group.get("id") for group in groups if group.get("id") not in GROUPS]:
            raise cloudflare_invalid(1001, f"Permission group {unknown[0]} is not known")
        # A group is for one kind of resource: these two for buckets alone.
        if wrong := [name for name in resources if not name.startswith("com.cloudflare.edge.r2.bucket.")]:
            raise cloudflare_invalid(1001, f"Resource {wrong[0]} does not fit its permission groups")
        told = [{"id": group["id"], "name": GROUPS[group["id"]]} for group in groups]
        found.append(
            {
                "id": secrets.token_hex(16),
                "effect": policy["effect"],
                "resources": resources,
                "permission_groups": told,
            }
        )
    return found


def _fields(body: Record) -> Record:
    name, status = body.get("name"), body.get("status", "active")
    if not isinstance(name, str) or not 0 < len(name) <= 120:
        raise cloudflare_invalid(1001, "Token name must have 1 to 120 characters")
    if status not in STATUSES:
        raise cloudflare_invalid(1001, f"Token status must be one of {', '.join(STATUSES)}")
    return {"name": name, "status": status, "policies": _policies(body), "modified_on": now_micro()}


def _show(record: Record, **more: Any) -> Record:
    return {key: value for key, value in record.items() if key not in ("account", "secret")} | more


def _wanted(cloud: Cloud, request: Request) -> Record:
    account = account_of(cloud, request)
    record = cloud.store.get(KIND, request.params["id"])
    if record is None or record["account"] != account:
        raise CloudflareError(404, 1003, "Token not found")
    return record


def _open(cloud: Cloud, record: Record) -> None:
    """S3 takes the token's id for an access key, for the buckets that its policies name."""
    names = [name for policy in record["policies"] for name in policy["resources"]]
    groups = {group["name"] for policy in record["policies"] for group in policy["permission_groups"]}
    # com.cloudflare.edge.r2.bucket.<account>_<jurisdiction>_<bucket>
    buckets = [name.rpartition(".")[2].split("_", 2)[2] for name in names]
    cloud.buckets.grant(record["id"], record["secret"], buckets, write=any("Write" in g for g in groups))


@routes.add("GET", _PATH)
def list_tokens(cloud: Cloud, request: Request) -> Response:
    """All tokens of the account, without their values."""
    account = account_of(cloud, request)
    return page(request, [_show(one) for one in cloud.store.all(KIND) if one["account"] == account])


@routes.add("POST", _PATH)
def create(cloud: Cloud, request: Request) -> Response:
    """Makes a token; its value is in this answer alone."""
    account, fields, value = account_of(cloud, request), _fields(body_of(request)), secrets.token_hex(20)
    record: Record = {
        "id": secrets.token_hex(16),
        "account": account,
        "issued_on": fields["modified_on"],
        "last_used_on": None,
        **fields,
        # What S3 has for a secret key; the folder holds no token.
        "secret": hashlib.sha256(value.encode()).hexdigest(),
    }
    cloud.store.put(KIND, record)
    _open(cloud, record)
    return wrap(_show(record, value=value))


@routes.add("GET", _PATH + "/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One token."""
    return wrap(_show(_wanted(cloud, request)))


@routes.add("PUT", _PATH + "/{id}")
def change(cloud: Cloud, request: Request) -> Response:
    """Changes what it is called, and what it may do; its value stays."""
    record = {**_wanted(cloud, request), **_fields(body_of(request))}
    cloud.store.put(KIND, record)
    _open(cloud, record)
    return wrap(_show(record))


@routes.add("DELETE", _PATH + "/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Ends a token."""
    record = _wanted(cloud, request)
    cloud.store.delete(KIND, record["id"])
    cloud.buckets.revoke(record["id"])
    return wrap({"id": record["id"]})
