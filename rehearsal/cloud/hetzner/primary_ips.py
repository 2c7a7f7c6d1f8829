"""Primary IPs: addresses that outlive a server."""

from __future__ import annotations

from rehearsal.cloud.actions import EFFECTS, Effect
from rehearsal.cloud.backend import Backend
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, invalid, not_found
from rehearsal.cloud.hetzner import actions, objects
from rehearsal.cloud.hetzner.catalogue import find_location
from rehearsal.cloud.hetzner.fields import Fields
from rehearsal.cloud.hetzner.limits import require_free_name, require_room
from rehearsal.cloud.hetzner.listing import listing
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now
from rehearsal.cloud.router import Routes

KIND = "primary_ip"
routes = Routes()


def show(record: Record) -> Record:
    """As the API gives it."""
    return {**record, "location": find_location(record["location"])}


def of_server(backend: Backend, server_id: int) -> dict[str, Record]:
    """The addresses of a server by type."""
    return {ip["type"]: ip for ip in backend.store.all(KIND) if ip["assignee_id"] == server_id}


def make(
    cloud: Cloud, *, name: str, kind: str, location: str, auto_delete: bool, labels: dict[str, str]
) -> Record:
    """Reserves and stores an address that is assigned to nothing yet."""
    key = cloud.store.next_id()
    record: Record = {
        "id": key,
        "name": name,
        "type": kind,
        # RFC 3849 reserves 2001:db8::/32 for documentation; every IPv6 primary IP is a /64.
        "ip": cloud.machines.allocate_ipv4()
        if kind == "ipv4"
        else f"2001:db8:{key >> 16:x}:{key & 0xFFFF:x}::/64",
        "labels": labels,
        "protection": {"delete": False},
        "dns_ptr": [],
        "assignee_id": None,
        "assignee_type": "server",
        "auto_delete": auto_delete,
        "blocked": False,
        "created": now(),
        "location": location,
    }
    cloud.store.put(KIND, record)
    return record


def remove(backend: Backend, record: Record) -> None:
    """Removes an address for good."""
    backend.store.delete(KIND, record["id"])
    if record["type"] == "ipv4":
        backend.store.after_commit(lambda: backend.machines.release_ipv4(record["ip"]))


def _wanted(cloud: Cloud, request: Request) -> Record:
    return objects.wanted(cloud, request, KIND, "Primary IP")


def _assignable(cloud: Cloud, kind: str, location: str, server_id: int) -> Record:
    server = cloud.store.get("server", server_id)
    if server is None or server["deleting"]:
        raise not_found("server", server_id)
    if server["status"] != "off":
        raise HetznerError("server_not_stopped", "server is not stopped")
    if kind in of_server(cloud, server_id):
        raise HetznerError(f"server_has_{kind}", f"server already has an {kind} address")
    if server["location"] != location:
        raise invalid("assignee_id", "server and Primary IP must be in the same location")
    cloud.actions.require_unlocked("server", server_id)
    return server


@routes.add("GET", "/primary_ips")
def list_ips(cloud: Cloud, request: Request) -> Response:
    """All addresses."""
    return listing(
        request,
        "primary_ips",
        cloud.store.all(KIND),
        show=show,
        sort=("id", "created", "name"),
        filters=("name", "ip"),
    )


@routes.add("POST", "/primary_ips")
def create(cloud: Cloud, request: Request) -> Response:
    """Reserves an address, for a location or for a stopped server."""
    fields = Fields(request)
    name = fields.resource_name(255)
    kind = fields.choice("type", ("ipv4", "ipv6"))
    fields.choice("assignee_type", ("server",), "server")
    auto_delete, labels = fields.flag("auto_delete", default=False), fields.labels()
    if fields.has("datacenter"):
        raise invalid("datacenter", "was removed, use location")
    server_id = fields.number("assignee_id") if fields.has("assignee_id") else None
    if server_id is not None:
        server = cloud.store.get("server", server_id)
        place = server["location"] if server else None
        if fields.has("location"):
            raise invalid("location", "must not be used together with assignee_id")
    else:
        location = find_location(fields.reference("location"))
        if location is None:
            raise invalid("location", f"location '{fields.values['location']}' not found")
        place = location["name"]
    require_free_name(cloud, KIND, name)
    require_room(cloud, KIND)
    if server_id is not None:
        _assignable(cloud, kind, place or "", server_id)
    record = make(cloud, name=name, kind=kind, location=place or "", auto_delete=auto_delete, labels=labels)
    action = _assign(cloud, request, record, server_id) if server_id is not None else None
    body: Record = {"primary_ip": show(record), "action": actions.show(action) if action else None}
    return Response(201, body)


@routes.add("GET", "/primary_ips/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One address."""
    return Response(200, {"primary_ip": show(_wanted(cloud, request))})


@routes.add("PUT", "/primary_ips/{id}")
def update(cloud: Cloud, request: Request) -> Response:
    """Changes name, labels, auto_delete."""
    record, fields = _wanted(cloud, request), Fields(request)
    objects.rename(cloud, KIND, record, fields, lambda: fields.resource_name(255))
    record["auto_delete"] = fields.flag("auto_delete", default=record["auto_delete"])
    if record["auto_delete"] and record["protection"]["delete"]:
        raise invalid("auto_delete", "cannot be enabled while delete protection is")
    cloud.store.put(KIND, record)
    return Response(200, {"primary_ip": show(record)})


@routes.add("DELETE", "/primary_ips/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Gives an address back; since 1 May 2026 it must be unassigned first."""
    record = _wanted(cloud, request)
    if record["protection"]["delete"]:
        raise HetznerError("protected", "Primary IP deletion is protected")
    if record["assignee_id"] is not None:
        raise HetznerError("must_be_unassigned", "Primary IP must be unassigned before it is deleted")
    cloud.actions.require_unlocked(KIND, record["id"])
    remove(cloud, record)
    return Response(204)


def _assign(cloud: Cloud, request: Request, record: Record, server_id: int) -> Record:
    record["assignee_id"] = server_id
    cloud.store.put(KIND, record)
    return cloud.actions.start(
        request,
        "assign_primary_ip",
        [(KIND, record["id"]), ("server", server_id)],
        {"primary_ip": record["id"]},
    )


def _unassigned(backend: Backend, args: Record) -> None:
    record = backend.store.get(KIND, args["primary_ip"])
    if record:
        record["assignee_id"] = None
        backend.store.put(KIND, record)


EFFECTS["assign_primary_ip"] = Effect(failed=_unassigned)
EFFECTS["unassign_primary_ip"] = Effect(done=_unassigned)


@routes.add("POST", "/primary_ips/{id}/actions/assign")
def assign(cloud: Cloud, request: Request) -> Response:
    """Assigns an address to a stopped server of its location."""
    record, fields = _wanted(cloud, request), Fields(request)
    fields.choice("assignee_type", ("server",), "server")
    server_id = fields.number("assignee_id")
    if record["assignee_id"] is not None:
        raise HetznerError(
            "primary_ip_already_assigned", "Primary IP is already assigned to a different server"
        )
    _assignable(cloud, record["type"], record["location"], server_id)
    return Response(201, {"action": actions.show(_assign(cloud, request, record, server_id))})


@routes.add("POST", "/primary_ips/{id}/actions/unassign")
def unassign(cloud: Cloud, request: Request) -> Response:
    """Takes an address from a stopped server."""
    record = _wanted(cloud, request)
    server = cloud.store.get("server", record["assignee_id"]) if record["assignee_id"] is not None else None
    if server is None:
        raise HetznerError("service_error", "Primary IP is not assigned")
    if server["status"] != "off":
        raise HetznerError("server_not_stopped", "server is not stopped")
    cloud.actions.require_unlocked("server", server["id"])
    action = cloud.actions.start(
        request,
        "unassign_primary_ip",
        [(KIND, record["id"]), ("server", server["id"])],
        {"primary_ip": record["id"]},
    )
    return Response(201, {"action": actions.show(action)})


@routes.add("POST", "/primary_ips/{id}/actions/change_protection")
def change_protection(cloud: Cloud, request: Request) -> Response:
    """Turns delete protection on or off."""
    record, fields = _wanted(cloud, request), Fields(request)
    protect = fields.flag("delete", default=record["protection"]["delete"])
    if protect and record["auto_delete"]:
        raise invalid("delete", "cannot be enabled while auto_delete is")
    record["protection"] = {"delete": protect}
    cloud.store.put(KIND, record)
    action = cloud.actions.start(request, "change_protection", [(KIND, record["id"])], {})
    return Response(201, {"action": actions.show(action)})


EFFECTS["change_protection"] = Effect()
