"""What stands in front of the server."""

from pydantic import Field

from components.settings.network import Network
from components.settings.section import Section


class Edge(Section):
    """Who may reach ports 80 and 443."""

    http_sources: tuple[Network, ...] = Field(
        (),
        description="kind hetzner: networks that may reach ports 80 and 443; empty means Cloudflare's ranges",
    )
