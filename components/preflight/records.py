"""Records that serve our names already."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.edge.dns import comment, resource_name
from components.settings import Problem, Settings

SERVING = ("A", "AAAA", "CNAME", "HTTPS", "SVCB", "NS")
"""Types that say where visitors of a name go. A second address would be served in turn with ours."""
OURS = comment("")
CHALLENGE = "_acme-challenge."
"""Before a name, where an authority looks for the proof that the name is ours (RFC 8555, 8.4)."""


def in_the_way(records: Iterable[Mapping[str, Any]], settings: Settings, stack: str) -> Iterator[Problem]:
    """Of a zone's records, those at the host names of `stack` that are not its own, by their comment."""
    purposes = {host_name: purpose for purpose, host_name in settings.domain.host_names.items()}
    for record in records:
        name = str(record["name"]).lower()
        proven = purposes.get(name.removeprefix(CHALLENGE))
        if proven and name.startswith(CHALLENGE) and record["type"] in ("CNAME", "NS"):
            if settings.tls.mode == "dns-01":
                yield _elsewhere(record, proven)
            continue
        purpose = purposes.get(name)
        said = record.get("comment") or ""
        if purpose is None or record["type"] not in SERVING or said == comment(stack):
            continue
        other = (
            f"is the stack {said.removeprefix(OURS)}'s" if said.startswith(OURS) else "is not this stack's"
        )
        yield Problem(
            f"domain.{purpose}",
            _shown(record),
            f"{other}, and its visitors would go there and here in turn",
            _ways_out(record, purpose, settings, stack),
        )


def _elsewhere(record: Mapping[str, Any], purpose: str) -> Problem:
    return Problem(
        f"domain.{purpose}",
        _shown(record),
        "leads the proof of tls.mode dns-01 elsewhere, so that Traefik would get no certificate",
        "delete it at Cloudflare (DNS, Records), or use tls.mode origin-ca",
    )


def _shown(record: Mapping[str, Any]) -> str:
    return f"{record['name']} {record['type']} {record.get('content')} (record {record['id']})"


def _ways_out(record: Mapping[str, Any], purpose: str, settings: Settings, stack: str) -> str:
    delete = "delete it at Cloudflare (DNS, Records), or choose another name"
    if record["type"] not in _taken_over(settings):
        return delete
    return (
        f"{delete}, or take it over: set its comment to `{comment(stack)}`, then "
        f"`pulumi import --stack {stack} --protect=false --generate-code=false "
        "cloudflare:index/dnsRecord:DnsRecord "
        f"{resource_name('edge', purpose, record['type'])} {settings.domain.zone_id}/{record['id']}`"
    )


def _taken_over(settings: Settings) -> tuple[str, ...]:
    """The types that the stack makes itself: a server from elsewhere is told by its IPv4 address alone."""
    return ("A", "AAAA") if settings.host.kind == "hetzner" else ("A",)
