"""Who asks: which peers are believed, and what no client may say of itself.

Cloudflare names its client in Cf-Connecting-Ip, which it overwrites. X-Forwarded-For it only continues, and
Traefik's log takes the first entry, which anyone can invent: so Traefik trusts no X-Forwarded-*, removes what
comes, and names its own peer in them.
https://developers.cloudflare.com/fundamentals/reference/http-headers/
"""

from collections.abc import Sequence
from ipaddress import ip_network

from components.edge.cloudflare_ranges import http_sources
from components.settings import Settings

HEADER = "Cf-Connecting-Ip"
INVENTED = (
    "Forwarded",
    "Forwarded-For",
    "X-Forwarded",
    "X-Forwarded-By",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Original-Forwarded-For",
    "X-Original-Host",
    "X-Original-Url",
    "X-Rewrite-Url",
    "X-Client-Ip",
    "X-Cluster-Client-Ip",
    "X-Originating-Ip",
    "X-Remote-Addr",
    "X-Remote-Ip",
    "Client-Ip",
    "True-Client-Ip",
    "Cf-Connecting-Ipv6",
    "Cf-Pseudo-Ipv4",
    "Fastly-Client-Ip",
    "X-Appengine-User-Ip",
)
"""By which frameworks learn who asks for what, beside those that Traefik sets: here only clients set them.

Cloudflare sets some in plans and modes that the program does not use, and else hands on the client's.
"""


def proxies(settings: Settings) -> tuple[str, ...]:
    """The networks whose `HEADER` is true: Cloudflare's, or those of `edge.proxies`. None without a zone."""
    if settings.domain.zone_id is None:
        return ()
    return http_sources(settings.edge.proxies)


def only_proxies(settings: Settings) -> bool:
    """Whether nobody but them can connect: Hetzner's firewall lets no other network pass."""
    known = [ip_network(network) for network in proxies(settings)]
    admitted = [ip_network(network) for network in http_sources(settings.edge.http_sources)]
    return settings.host.kind == "hetzner" and all(
        any(one.version == other.version and one.subnet_of(other) for other in known)  # type: ignore[arg-type]
        for one in admitted
    )


def within(networks: Sequence[str]) -> str:
    """The rule that holds for a peer of one of them."""
    return " || ".join(f"ClientIP(`{network}`)" for network in networks)
