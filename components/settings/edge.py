"""What stands in front of the server."""

from components.settings.section import Section


class Edge(Section):
    """Who may reach ports 80 and 443."""

    http_sources: tuple[str, ...] = ()
    """Networks in CIDR notation; empty means Cloudflare's published ranges."""
