"""Who asks, and Cloudflare's own address ranges."""

from __future__ import annotations

import hashlib

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.envelope import wrap
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.router import Routes

# https://www.cloudflare.com/ips/
IPV4 = (
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
)
IPV6 = (
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
)
routes = Routes()


@routes.add("GET", "/ips")
def ips(_cloud: Cloud, _request: Request) -> Response:
    """The ranges that Cloudflare connects to origins from."""
    etag = hashlib.md5("".join(IPV4 + IPV6).encode(), usedforsecurity=False).hexdigest()
    return wrap({"ipv4_cidrs": [*IPV4], "ipv6_cidrs": [*IPV6], "etag": etag})


@routes.add("GET", "/user/tokens/verify")
def verify(cloud: Cloud, request: Request) -> Response:
    """What became of the token; one that was never given out does not get here."""
    token = cloud.tokens.find(request.bearer(), "cloudflare")
    return wrap({"id": cloud.account, "status": token["status"] if token else "active"})


@routes.add("GET", "/accounts")
def accounts(cloud: Cloud, _request: Request) -> Response:
    """The one account."""
    info = {"page": 1, "per_page": 20, "count": 1, "total_count": 1, "total_pages": 1}
    return wrap([{"id": cloud.account, "name": "Rehearsal", "type": "standard"}], result_info=info)
