"""Whether a bucket of R2's is there; an up makes it where it is not."""

import http.client
from collections.abc import Mapping
from typing import Any

import pulumi

from components.clouds import Api, Unreachable
from components.settings.r2 import R2

JURISDICTION = "cf-r2-jurisdiction"
"""The header that says in which of them a bucket is: the same name in another is another bucket."""


def path(settings: R2) -> str:
    """Where the account's buckets are."""
    return f"/accounts/{settings.account_id}/r2/buckets"


def found(cloudflare: Api, settings: R2, bucket: str) -> Mapping[str, Any] | None:
    """The bucket as Cloudflare has it; None: it has none of that name, or does not say.

    Raises:
        Unreachable: there was no answer to be had.
    """
    headers = {JURISDICTION: settings.jurisdiction}
    answer = cloudflare.ask(f"{path(settings)}/{bucket}", headers=headers)
    result: Mapping[str, Any] | None = answer.body["result"] if answer.found else None
    return result


def see_to(cloudflare: Api, settings: R2, bucket: str, dry: bool) -> bool:
    """Whether the bucket is there to be taken over. Unless `dry`, one that is not is made.

    The provider cannot do both: its resource either makes a bucket, and is refused where there is one, or
    imports one. So a resource always imports, and a stack whose state was lost finds its copies again.
    """
    try:
        if found(cloudflare, settings, bucket) is not None:
            return True
        if dry:
            return False
        body = {"name": bucket}
        if settings.jurisdiction == "default":
            body["locationHint"] = settings.location
        answer = cloudflare.ask(
            path(settings), "POST", body=body, headers={JURISDICTION: settings.jurisdiction}
        )
    except Unreachable:
        return False  # what is in the state is left alone; what is not, the provider will fail to make
    # https://developers.cloudflare.com/r2/api/error-codes/; somebody was faster.
    if answer.found or answer.status == http.client.CONFLICT:
        return True
    errors = "; ".join(f"{one['message']} ({one['code']})" for one in answer.body.get("errors") or [])
    raise pulumi.RunError(f"the bucket {bucket} was not made: HTTP {answer.status}: {errors}")
