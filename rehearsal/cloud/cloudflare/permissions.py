"""What a token may do, in the words that a zone's `permissions` has.

Which group a path needs: `x-cfPermissionsRequired` in https://github.com/cloudflare/api-schemas.
"""

from __future__ import annotations

import re

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.messages import Request
from rehearsal.cloud.records import Record

ALL = (
    "#dns_records:edit",
    "#dns_records:read",
    "#ssl:edit",
    "#ssl:read",
    "#zone:read",
    "#zone_settings:edit",
    "#zone_settings:read",
)
_GROUPS = (
    (re.compile(r"/zones(/[^/]+)?"), "zone"),
    (re.compile(r"/zones/[^/]+/settings(/.*)?"), "zone_settings"),
    (re.compile(r"/zones/[^/]+/dns_records(/.*)?"), "dns_records"),
    (re.compile(r"/certificates(/.*)?|/zones/[^/]+/origin_tls_client_auth(/.*)?"), "ssl"),
    (re.compile(r"/accounts/[^/]+/r2/.*"), "workers_r2"),
    (re.compile(r"/accounts/[^/]+/tokens(/.*)?"), "account_api_tokens"),
)


def held(cloud: Cloud, request: Request) -> list[str]:
    """The permissions of the token that asks; the cloud's own has all."""
    token = cloud.tokens.find(request.bearer(), "cloudflare")
    return [*(token["permissions"] if token else ALL)]


def may(token: Record, request: Request) -> bool:
    """Whether `token` may do what `request` asks for; who may edit may read."""
    group = next((name for path, name in _GROUPS if path.fullmatch(request.route)), None)
    if group is None:
        return True
    wanted = {f"#{group}:edit"} | ({f"#{group}:read"} if request.method == "GET" else set())
    return bool(wanted & {*token["permissions"]})
