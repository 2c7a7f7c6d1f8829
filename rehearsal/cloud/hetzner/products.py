"""Locations, server types and images: read-only."""

from __future__ import annotations

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import not_found
from rehearsal.cloud.hetzner.catalogue import IMAGES, LOCATIONS, SERVER_TYPES, ServerType, show_server_type
from rehearsal.cloud.hetzner.listing import listing
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record
from rehearsal.cloud.router import Routes

routes = Routes()


def _show(cloud: Cloud, kind: ServerType) -> Record:
    sold_out = frozenset(name for name in kind.locations if cloud.faults.sold_out(kind.name, name))
    return show_server_type(kind, sold_out)


def _by_id(items: list[Record], request: Request, word: str) -> Record:
    found = next((item for item in items if str(item["id"]) == request.params["id"]), None)
    if found is None:
        raise not_found(word, request.params["id"])
    return found


@routes.add("GET", "/locations")
def list_locations(_cloud: Cloud, request: Request) -> Response:
    """All locations."""
    return listing(request, "locations", LOCATIONS, sort=("id", "name"))


@routes.add("GET", "/locations/{id}")
def get_location(_cloud: Cloud, request: Request) -> Response:
    """One location."""
    return Response(200, {"location": _by_id(LOCATIONS, request, "location")})


@routes.add("GET", "/server_types")
def list_server_types(cloud: Cloud, request: Request) -> Response:
    """All server types on offer."""
    kinds = [_show(cloud, kind) for kind in SERVER_TYPES]
    return listing(request, "server_types", kinds, sort=("id", "name"))


@routes.add("GET", "/server_types/{id}")
def get_server_type(cloud: Cloud, request: Request) -> Response:
    """One server type."""
    kinds = [_show(cloud, kind) for kind in SERVER_TYPES]
    return Response(200, {"server_type": _by_id(kinds, request, "server type")})


@routes.add("GET", "/images")
def list_images(_cloud: Cloud, request: Request) -> Response:
    """System images; deprecated ones only on request."""
    # The Python client writes True, as Python does.
    deprecated_too = (request.first("include_deprecated") or "").lower() == "true"
    images = [image for image in IMAGES if deprecated_too or image["deprecated"] is None]
    return listing(request, "images", images, filters=("name", "architecture", "type", "status", "bound_to"))


@routes.add("GET", "/images/{id}")
def get_image(_cloud: Cloud, request: Request) -> Response:
    """One image."""
    return Response(200, {"image": _by_id(IMAGES, request, "image")})
