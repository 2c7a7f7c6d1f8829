"""What stands in the way at Cloudflare: the token, the zone, and what is in it already."""

import http.client
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from components.clouds import Answer, Api
from components.edge.zone import SETTINGS
from components.preflight.finding import Finding
from components.preflight.records import in_the_way
from components.preflight.zone_wide import zone_wide
from components.settings import Settings
from components.settings.domain import Domain
from components.settings.permissions import (
    ACME,
    CERTIFICATES,
    DNS,
    ZONE,
    ZONE_SETTINGS,
    Permission,
    listed,
    of_cloudflare,
)
from components.settings.problem import NOT_SHOWN, Problem

TOKEN = "CLOUDFLARE_API_TOKEN"  # noqa: S105 # its name
ACME_TOKEN = "acme_dns_token"  # noqa: S105 # its name
_READ_AT: Mapping[Permission, str] = {
    ZONE: "/zones/{zone}",
    ZONE_SETTINGS: "/zones/{zone}/settings/" + next(iter(SETTINGS)),
    DNS: "/zones/{zone}/dns_records?per_page=5000",
    CERTIFICATES: "/certificates?zone_id={zone}",
}
"""What is to be read with a permission."""


def findings(cloudflare: Api, settings: Settings, stack: str, writes: bool) -> Iterator[Finding]:
    """What stands in the way of `stack`. A token that may only read stops what `writes`."""
    domain = settings.domain
    assert domain.zone_id is not None
    needed = of_cloudflare(settings.tls.mode, settings.edge.zone_settings)
    paths = {permission: _READ_AT[permission].format(zone=domain.zone_id) for permission in needed}
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = dict(zip(paths, pool.map(cloudflare.ask, paths.values()), strict=True))
    if not answers[ZONE].found:
        yield Finding(_unseen(cloudflare, domain, needed))
        return
    zone = answers[ZONE].body["result"]
    yield from _permissions(zone, answers, writes)
    if problem := _mistaken(zone, domain) or _asleep(zone):
        yield Finding(problem)
        return
    if answers[DNS].found:
        records = _all(cloudflare, paths[DNS], answers[DNS])
        yield from (Finding(problem) for problem in in_the_way(records, settings, stack))
        if ZONE_SETTINGS in answers and answers[ZONE_SETTINGS].found:
            yield from zone_wide(cloudflare, records, settings)


def findings_of_acme(acme: Api, domain: Domain) -> Iterator[Finding]:
    """Traefik finds the zone by its name, and writes a TXT record into it."""
    answer = acme.ask(f"/zones?name={quote(domain.zone)}")
    zones = answer.body["result"] if answer.found else []
    if not zones:
        wrong = f"cannot find the zone {domain.zone}, so that Traefik would get no certificate"
    elif (
        not _may_edit(zones[0], DNS) or acme.ask(f"/zones/{zones[0]['id']}/dns_records?per_page=1").forbidden
    ):
        wrong = f"may not write to the zone {domain.zone}, so that Traefik would get no certificate"
    else:
        return
    remedy = f"make one for this zone alone ({listed(ACME)}), `pulumi config set --secret {ACME_TOKEN}`"
    yield Finding(Problem(ACME_TOKEN, NOT_SHOWN, wrong, remedy))


def _unseen(cloudflare: Api, domain: Domain, needed: tuple[Permission, ...]) -> Problem:
    """Why the zone cannot be read: the token is not good, not for this zone, or the id is wrong."""
    named = cloudflare.ask(f"/zones?name={quote(domain.zone)}")
    if named.found and named.body["result"]:
        return Problem(
            "domain.zone_id",
            f'"{domain.zone_id}"',
            f"is no zone that {TOKEN} may read",
            f"use the id of {domain.zone}: {named.body['result'][0]['id']}",
        )
    made = f"export one for the zone {domain.zone} (My Profile, API Tokens: {listed(needed)})"
    verified = cloudflare.ask("/user/tokens/verify")
    if verified.found:
        status = verified.body["result"]["status"]
        if status != "active":
            return Problem(TOKEN, NOT_SHOWN, f"is {status}", made)
    elif verified.status == http.client.BAD_REQUEST:
        return Problem(TOKEN, NOT_SHOWN, "has not the form of a token of Cloudflare's", made)
    # A token of an account is unknown here although it is good: what it may not read is all that is known.
    return Problem(
        TOKEN,
        NOT_SHOWN,
        f"is no token that Cloudflare knows, or none that may read the zone {domain.zone} ({domain.zone_id})",
        f"compare domain.zone_id with Cloudflare's overview page of the zone, or {made}",
    )


def _permissions(
    zone: Mapping[str, Any], answers: Mapping[Permission, Answer], writes: bool
) -> Iterator[Finding]:
    lacking = [permission for permission, answer in answers.items() if answer.forbidden]
    reading = [p for p in answers if p not in lacking and p.edits and not _may_edit(zone, p)]
    for permissions, what, stops in (
        (lacking, "lacks", True),
        (reading, "may read only what an up must change: it lacks", writes),
    ):
        if permissions:
            remedy = "give them to it in Cloudflare's dashboard (My Profile, API Tokens)"
            yield Finding(Problem(TOKEN, NOT_SHOWN, f"{what} {listed(permissions)}", remedy), stops)


def _may_edit(zone: Mapping[str, Any], permission: Permission) -> bool:
    """False where the zone says that the asking token may read only; of other scopes it need not speak."""
    said = {*(zone.get("permissions") or ())}
    return f"#{permission.scope}:edit" in said or f"#{permission.scope}:read" not in said


def _mistaken(zone: Mapping[str, Any], domain: Domain) -> Problem | None:
    if zone["name"] == domain.zone:
        return None
    below = domain.zone.endswith(f".{zone['name']}")
    inner = domain.zone.removesuffix(f".{zone['name']}").replace(".", "-")
    return Problem(
        "domain.zone_id",
        f'"{domain.zone_id}"',
        f"is the id of the zone {zone['name']}, and domain.zone is {domain.zone}",
        f"set domain.zone: {zone['name']}, and labels of one level, e.g. domain.api: {domain.api}-{inner}"
        if below
        else f"copy the id of {domain.zone} from Cloudflare's overview page, "
        f"or set domain.zone: {zone['name']}",
    )


def _asleep(zone: Mapping[str, Any]) -> Problem | None:
    """A zone that Cloudflare does not serve: its names would lead nowhere, or past Cloudflare."""
    if zone["status"] != "active":
        servers = ", ".join(zone.get("name_servers") or ())
        return Problem(
            "domain.zone",
            f'"{zone["name"]}"',
            f"is {zone['status']} at Cloudflare, which serves active zones only",
            f"let the domain's registrar name Cloudflare's name servers ({servers}), and wait for active",
        )
    if zone.get("paused"):
        return Problem(
            "domain.zone",
            f'"{zone["name"]}"',
            "is paused at Cloudflare: visitors would be sent to the server itself",
            "resume it (Overview, Advanced Actions)",
        )
    return None


def _all(cloudflare: Api, path: str, first: Answer) -> list[Mapping[str, Any]]:
    """The records of all pages."""
    records = list(first.body["result"])
    for number in range(2, (first.body.get("result_info") or {}).get("total_pages", 1) + 1):
        records += cloudflare.ask(f"{path}&page={number}").body["result"]
    return records
