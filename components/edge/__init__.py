"""What stands before the server: names, the zone's settings, the certificate."""

from components.edge.cloudflare_ranges import http_sources
from components.edge.edge import Edge, EdgeArgs

__all__ = ["Edge", "EdgeArgs", "http_sources"]
