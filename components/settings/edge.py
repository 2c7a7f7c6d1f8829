"""What stands in front of the server."""

from typing import Literal

from pydantic import Field

from components.settings.network import Network
from components.settings.section import Section


class Edge(Section):
    """Who may reach ports 80 and 443, who of them speaks for another, and what may be changed of the zone."""

    http_sources: tuple[Network, ...] = Field(
        (),
        description="kind hetzner: networks that may reach ports 80 and 443; empty means Cloudflare's ranges",
    )
    proxies: tuple[Network, ...] = Field(
        (),
        description="networks whose Cf-Connecting-Ip names the client; empty means Cloudflare's ranges",
    )
    zone_settings: Literal["change", "keep"] | None = Field(
        None,
        description="the zone's `ssl` and `min_tls_version`: change them, although other names live by them, "
        "or keep them, and their owner sees to ours; without it: change, unless other names are proxied",
    )
