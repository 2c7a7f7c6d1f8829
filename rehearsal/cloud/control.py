"""`/_rehearsal`: faults, what is alive, what was asked, shutdown."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.faults import FaultError, compact, parse
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.router import Routes
from rehearsal.images import ImageError
from rehearsal.machines import MachineError

PREFIX = "/_rehearsal"
routes = Routes()


@routes.add("GET", "/state")
def state(cloud: Cloud, _request: Request) -> Response:
    """Counts of what lives by kind; `empty` is true once everything was destroyed."""
    counts = cloud.counts()
    running = len(cloud.store.all("running_action"))
    body = {
        "empty": not any(counts.values()),
        "counts": counts,
        "running_actions": running,
        "docker": "run" if cloud.machines.boots else "record",
        "servers": [
            {
                "id": server["id"],
                "name": server["name"],
                "status": server["status"],
                "type": server["server_type"],
            }
            for server in cloud.store.all("server")
        ],
    }
    return Response(200, body)


@routes.add("GET", "/faults")
def list_faults(cloud: Cloud, _request: Request) -> Response:
    """Faults that are still to strike."""
    return Response(200, {"faults": [compact(fault) for fault in cloud.faults.list()]})


@routes.add("POST", "/faults")
def add_faults(cloud: Cloud, request: Request) -> Response:
    """Adds one fault or a list of them."""
    values = request.body if isinstance(request.body, list) else [request.body]
    try:
        faults = [parse(value, f"faults[{index}]") for index, value in enumerate(values)]
    except FaultError as error:
        raise ApiError(422, str(error)) from None
    cloud.faults.add(faults)
    return Response(201, {"faults": [compact(fault) for fault in faults]})


@routes.add("DELETE", "/faults")
def remove_faults(cloud: Cloud, _request: Request) -> Response:
    """Removes all faults."""
    cloud.faults.remove()
    return Response(204)


@routes.add("DELETE", "/faults/{id}")
def remove_fault(cloud: Cloud, request: Request) -> Response:
    """Removes one fault."""
    if not cloud.faults.remove(request.params["id"]):
        raise ApiError(404, f"no fault {request.params['id']}")
    return Response(204)


@routes.add("POST", "/tokens")
def add_token(cloud: Cloud, request: Request) -> Response:
    """Gives a token out: `token`, `provider` (hetzner or cloudflare), its `permissions`, and its `status`."""
    body = request.body if isinstance(request.body, dict) else {}
    try:
        cloud.tokens.add(**{"value" if name == "token" else name: value for name, value in body.items()})
    except TypeError as error:
        raise ApiError(422, str(error)) from None
    return Response(204)


@routes.add("POST", "/storage")
def storage(cloud: Cloud, request: Request) -> Response:
    """Has `bucket` at the S3 server, which starts with the first."""
    body = request.body if isinstance(request.body, dict) else {}
    try:
        server = cloud.buckets.start(body["bucket"])
    except (KeyError, TypeError, ImageError, MachineError, OSError) as error:
        raise ApiError(422, f"storage: {error}") from None
    return Response(200, {"endpoint": server.endpoint})


@routes.add("GET", "/requests")
def requests(cloud: Cloud, request: Request) -> Response:
    """The log of requests; `after=N` leaves out the first N lines."""
    after = request.first("after") or "0"
    if not after.isdigit():
        raise ApiError(422, f"after: {after!r} is not a number of lines")
    lines = cloud.audit.read()
    return Response(200, {"requests": lines[int(after) :], "total": len(lines)})


@routes.add("DELETE", "/requests")
def forget_requests(cloud: Cloud, _request: Request) -> Response:
    """Starts the log over."""
    cloud.audit.clear()
    return Response(204)


def shutdown_route(stop: Callable[[], None]) -> Routes:
    """The route that ends the process; the answer still goes out."""
    ending = Routes()

    @ending.add("POST", "/shutdown")
    def shutdown(_cloud: Cloud, _request: Request) -> Response:
        """Ends the process."""
        threading.Timer(0.05, stop).start()
        return Response(200, {"stopping": True})

    return ending
