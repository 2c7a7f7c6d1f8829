"""Who may reach the server's ports 80 and 443, against who comes: Cloudflare alone."""

from collections.abc import Iterator
from ipaddress import ip_network

from components.edge.cloudflare_ranges import IPV4, IPV6
from components.preflight.finding import Finding
from components.settings import Problem, Settings
from components.settings.network import lies_in

PATH = "edge.http_sources"


def findings(settings: Settings) -> Iterator[Finding]:
    """Networks of which none is Cloudflare's leave every visitor before a closed door; some, some of them."""
    given = [ip_network(network) for network in settings.edge.http_sources]
    if not given:
        return
    missing = [text for text in (*IPV4, *IPV6) if not any(lies_in(ip_network(text), one) for one in given)]
    if not missing:
        return
    none = len(missing) == len(IPV4) + len(IPV6)
    which = "all of Cloudflare's networks" if none else f"{', '.join(missing)} of Cloudflare's networks"
    yield Finding(
        Problem(
            PATH,
            f"{len(given)} network{'s' if given[1:] else ''}",
            f"leaves out {which}, from which the names' visitors come: they would get error 522",
            "write [] for Cloudflare's ranges, or name them too",
        ),
        stops=none,
    )
