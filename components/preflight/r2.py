"""The account in which buckets are to be made: whether the token may, and what is there already."""

from collections.abc import Iterator

from components.buckets import existing
from components.clouds import Answer, Api
from components.preflight.finding import Finding
from components.settings import Settings
from components.settings.permissions import BUCKETS, KEYS, listed
from components.settings.problem import NOT_SHOWN, Problem
from components.settings.r2 import R2

TOKEN = "CLOUDFLARE_API_TOKEN"  # noqa: S105 # its name
NOT_ENABLED = 10042
"""NotEntitled, of https://developers.cloudflare.com/r2/api/error-codes/."""


def findings(cloudflare: Api, settings: Settings) -> Iterator[Finding]:
    """What a bucket or its key would be refused for.

    Whoever may edit may read. That a token may read only, nobody says of an account: the up will meet it.
    """
    r2 = settings.backup.r2
    assert r2 is not None
    asked = {
        BUCKETS: cloudflare.ask(f"{existing.path(r2)}?per_page=1"),
        KEYS: cloudflare.ask(f"/accounts/{r2.account_id}/tokens?per_page=1"),
    }
    if _code(asked[BUCKETS]) == NOT_ENABLED:
        yield Finding(
            Problem(
                "backup.r2.account_id",
                f'"{r2.account_id}"',
                "is an account without R2",
                "enable it in Cloudflare's dashboard (Storage & databases, R2): it asks for a way to "
                "pay, and 10 GB are free",
            )
        )
    elif lacking := [permission for permission, answer in asked.items() if not answer.found]:
        yield Finding(_lacks(cloudflare, settings, r2, listed(lacking)))
    if asked[BUCKETS].found:
        yield from _of_buckets(cloudflare, settings, r2)


def _lacks(cloudflare: Api, settings: Settings, r2: R2, permissions: str) -> Problem:
    """Another's account is refused in the same words as one's own."""
    zone = cloudflare.ask(f"/zones/{settings.domain.zone_id}")
    owner = zone.body["result"]["account"]["id"] if zone.found else r2.account_id
    if owner != r2.account_id:
        return Problem(
            "backup.r2.account_id",
            f'"{r2.account_id}"',
            f"is not the account of {settings.domain.zone}, and there {TOKEN} lacks {permissions}",
            f"write {owner}, or give the token these permissions for that account",
        )
    return Problem(
        TOKEN,
        NOT_SHOWN,
        f"lacks {permissions} for the account {r2.account_id}, in which backup.r2 has buckets and keys made",
        "give them to it in Cloudflare's dashboard (My Profile, API Tokens), or make bucket and key by hand: "
        "backup.offsite.endpoint and the like",
    )


def _of_buckets(cloudflare: Api, settings: Settings, r2: R2) -> Iterator[Finding]:
    for path, _, bucket in settings.backup.named:
        if bucket.endpoint is not None:
            continue
        there = existing.found(cloudflare, r2, bucket.bucket)
        lies = str((there or {}).get("location") or r2.location).lower()  # told in capitals
        if there is None and path == "backup.reset.masked":
            yield Finding(
                Problem(
                    f"{path}.bucket",
                    f'"{bucket.bucket}"',
                    f"is no bucket of the account {r2.account_id}",
                    "deploy the stack that exports to it (backup.masked) first",
                )
            )
        elif r2.jurisdiction == "default" and lies != r2.location:
            yield Finding(
                Problem(
                    "backup.r2.location",
                    f'"{r2.location}"',
                    f"is where no bucket is moved to: {bucket.bucket} is in {lies}",
                    f"write {lies}, or name another bucket",
                ),
                stops=False,
            )


def _code(answer: Answer) -> int | None:
    errors = answer.body.get("errors") or [{}]
    code: int | None = errors[0].get("code")
    return code
