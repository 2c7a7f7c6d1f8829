"""The accounts that the token may ask about: the cloud's own."""

from __future__ import annotations

import re

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import CloudflareError
from rehearsal.cloud.messages import Request

_IDENTIFIER = re.compile(r"[0-9a-f]{32}")


def account_of(cloud: Cloud, request: Request) -> str:
    """The account of a path below `/accounts/{account}`.

    Raises:
        CloudflareError: 7003 for a malformed id, 10000 for one that the token has no access to.
    """
    key = request.params["account"]
    if not _IDENTIFIER.fullmatch(key):
        raise CloudflareError(
            404, 7003, f"Could not route to {request.route}, perhaps your object identifier is invalid?"
        )
    if key != cloud.account:
        raise CloudflareError(403, 10000, "Authentication error")
    return key
