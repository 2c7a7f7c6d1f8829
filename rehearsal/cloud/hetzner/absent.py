"""What Hetzner has and this cloud has none of: clients that look for it find nothing and go on."""

from __future__ import annotations

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, not_found
from rehearsal.cloud.hetzner.listing import listing
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.router import Routes

OFFERED = {
    "isos": "ISO",
    "load_balancer_types": "Load Balancer type",
    "storage_box_types": "Storage Box type",
}
MADE = {
    "certificates": "certificate",
    "floating_ips": "Floating IP",
    "load_balancers": "Load Balancer",
    "networks": "network",
    "placement_groups": "placement group",
    "storage_boxes": "Storage Box",
    "zones": "zone",
}
routes = Routes()


def _none_of(plural: str, kind: str) -> None:
    @routes.add("GET", f"/{plural}")
    def list_none(_cloud: Cloud, request: Request) -> Response:
        """An empty list."""
        return listing(request, plural, [])

    @routes.add("GET", f"/{plural}/{{id}}")
    def get_none(_cloud: Cloud, request: Request) -> Response:
        """Never found."""
        raise not_found(kind, request.params["id"])


def _not_made(plural: str) -> None:
    @routes.add("POST", f"/{plural}")
    def create(_cloud: Cloud, _request: Request) -> Response:
        """Says why not."""
        raise HetznerError("unsupported_error", f"{plural}: not part of the embedded cloud")


for _plural, _kind in {**OFFERED, **MADE}.items():
    _none_of(_plural, _kind)
for _plural in MADE:
    _not_made(_plural)


@routes.add("GET", "/datacenters")
@routes.add("GET", "/datacenters/{id}")
def datacenters(_cloud: Cloud, _request: Request) -> Response:
    """Gone since October 2026."""
    raise HetznerError(
        "deprecated_api_endpoint",
        "datacenters were removed; use locations",
        {"announcement": "https://docs.hetzner.cloud/changelog#2026-06-02-datacenters-deprecated"},
    )
