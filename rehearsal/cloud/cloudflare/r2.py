"""R2's buckets: https://developers.cloudflare.com/api/resources/r2/subresources/buckets/.

What is in one is the S3 server's business, if there is one (`rehearsal/s3.py`).
"""

from __future__ import annotations

import re
from typing import Any

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.accounts import account_of
from rehearsal.cloud.cloudflare.envelope import body_of, wrap
from rehearsal.cloud.errors import CloudflareError, cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now_micro
from rehearsal.cloud.router import Routes

KIND = "r2_bucket"
LOCATIONS = ("apac", "eeur", "enam", "oc", "weur", "wnam")
JURISDICTIONS = ("default", "eu", "fedramp")
CLASSES = ("Standard", "InfrequentAccess")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_PATH = "/accounts/{account}/r2/buckets"
routes = Routes()


def _header(request: Request, name: str) -> str | None:
    return next((value for key, value in request.headers.items() if key.lower() == name), None)


def _jurisdiction(request: Request) -> str:
    found = _header(request, "cf-r2-jurisdiction") or "default"
    if found not in JURISDICTIONS:
        raise cloudflare_invalid(10015, f"The jurisdiction {found} is not valid.")
    return found


def _class(value: Any) -> str:
    if value not in CLASSES:
        raise cloudflare_invalid(10062, "The storage class you specified is not valid.")
    return str(value)


def _wanted(cloud: Cloud, request: Request) -> Record:
    key = f"{account_of(cloud, request)}_{_jurisdiction(request)}_{request.params['name']}"
    record = cloud.store.get(KIND, key)
    if record is None:
        raise CloudflareError(404, 10006, "The specified bucket does not exist.")
    return record


def _show(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in ("id", "account")}


@routes.add("GET", _PATH)
def list_buckets(cloud: Cloud, request: Request) -> Response:
    """The buckets of a jurisdiction, in one page."""
    account, jurisdiction = account_of(cloud, request), _jurisdiction(request)
    found = [
        _show(one)
        for one in cloud.store.all(KIND)
        if (one["account"], one["jurisdiction"]) == (account, jurisdiction)
    ]
    return wrap({"buckets": found}, result_info={"cursor": "", "per_page": 20})


@routes.add("POST", _PATH)
def create(cloud: Cloud, request: Request) -> Response:
    """Makes a bucket; where it lies is a hint, and told in capitals."""
    account, jurisdiction, body = account_of(cloud, request), _jurisdiction(request), body_of(request)
    name, hint = body.get("name"), body.get("locationHint", "enam")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise cloudflare_invalid(10005, "The specified bucket name is not valid.")
    if str(hint).lower() not in LOCATIONS:
        raise cloudflare_invalid(10064, "The location constraint is not valid.")
    key = f"{account}_{jurisdiction}_{name}"
    if cloud.store.get(KIND, key) is not None:
        raise CloudflareError(409, 10004, "The bucket you tried to create already exists, and you own it.")
    record: Record = {
        "id": key,
        "account": account,
        "name": name,
        "creation_date": now_micro(),
        "location": str(hint).upper(),
        "storage_class": _class(body.get("storageClass", "Standard")),
        "jurisdiction": jurisdiction,
    }
    cloud.store.put(KIND, record)
    return wrap(_show(record))


@routes.add("GET", _PATH + "/{name}")
def get(cloud: Cloud, request: Request) -> Response:
    """One bucket."""
    return wrap(_show(_wanted(cloud, request)))


@routes.add("PATCH", _PATH + "/{name}")
def change(cloud: Cloud, request: Request) -> Response:
    """Sets the storage class of what is written from now on."""
    record = _wanted(cloud, request)
    record["storage_class"] = _class(_header(request, "cf-r2-storage-class"))
    cloud.store.put(KIND, record)
    return wrap(_show(record))


@routes.add("DELETE", _PATH + "/{name}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Removes a bucket, which must be empty."""
    record = _wanted(cloud, request)
    if cloud.buckets.holds(record["name"]):
        raise CloudflareError(409, 10008, "The bucket you tried to delete is not empty.")
    cloud.store.delete(KIND, record["id"])
    return wrap({})
