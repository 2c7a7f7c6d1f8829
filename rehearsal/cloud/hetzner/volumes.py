"""Volumes: block storage that outlives a server."""

from __future__ import annotations

from contextlib import suppress

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

KIND = "volume"
MIN_GB, MAX_GB = 10, 10240
MAX_PER_SERVER = 16
routes = Routes()


def show(record: Record) -> Record:
    """As the API gives it."""
    return {**record, "location": find_location(record["location"])}


def of_server(backend: Backend, server_id: int) -> list[Record]:
    """The volumes that are attached to a server."""
    return [volume for volume in backend.store.all(KIND) if volume["server"] == server_id]


def _wanted(cloud: Cloud, request: Request) -> Record:
    return objects.wanted(cloud, request, KIND, "volume")


def require_attachable(cloud: Cloud, record: Record, server: Record) -> None:
    """Refuses a volume that hangs on a server or lies elsewhere.

    Raises:
        HetznerError: volume_already_attached, invalid_input, resource_limit_exceeded.
    """
    if record["server"] is not None:
        raise HetznerError(
            "volume_already_attached", "volume is already attached to a server, please detach it first"
        )
    if record["location"] != server["location"]:
        raise invalid("server", "volume and server must be in the same location")
    if len(of_server(cloud, server["id"])) >= MAX_PER_SERVER:
        raise HetznerError(
            "resource_limit_exceeded",
            f"server has {MAX_PER_SERVER} volumes already",
            {"limits": [{"name": "volume_per_server_limit"}]},
        )


def start_attach(
    cloud: Cloud, request: Request, record: Record, server_id: int, after: list[Record]
) -> Record:
    """Notes the server on the volume and starts the action; the caller has checked."""
    record["server"] = server_id
    cloud.store.put(KIND, record)
    return cloud.actions.start(
        request,
        "attach_volume",
        [("server", server_id), (KIND, record["id"])],
        {"volume": record["id"], "server": server_id},
        after=after,
    )


def _server(cloud: Cloud, key: int) -> Record:
    server = cloud.store.get("server", key)
    if server is None or server["deleting"]:
        raise not_found("server", key)
    return server


@routes.add("GET", "/volumes")
def list_volumes(cloud: Cloud, request: Request) -> Response:
    """All volumes."""
    return listing(request, "volumes", cloud.store.all(KIND), show=show, filters=("name", "status"))


@routes.add("POST", "/volumes")
def create(cloud: Cloud, request: Request) -> Response:
    """Makes a volume in a location, or in a server's and attached to it."""
    fields = Fields(request)
    name, size, labels = fields.volume_name(), fields.number("size"), fields.labels()
    if not MIN_GB <= size <= MAX_GB:
        raise invalid("size", f"must be between {MIN_GB} and {MAX_GB}")
    filesystem = fields.choice("format", ("ext4", "xfs")) if fields.has("format") else None
    server = None
    if fields.has("server"):
        if fields.has("location"):
            raise invalid("location", "must not be used together with server")
        server = _server(cloud, fields.number("server"))
        place = server["location"]
    else:
        if fields.flag("automount", default=False):
            raise invalid("automount", "needs a server")
        location = find_location(fields.reference("location"))
        if location is None:
            raise invalid("location", f"location '{fields.values['location']}' not found")
        place = location["name"]
    require_free_name(cloud, KIND, name)
    require_room(cloud, KIND)
    key = cloud.store.next_id()
    record: Record = {
        "id": key,
        "name": name,
        "server": None,
        "status": "creating",
        "location": place,
        "size": size,
        "format": filesystem,
        "protection": {"delete": False},
        "labels": labels,
        "linux_device": f"/dev/disk/by-id/scsi-0HC_Volume_{key}",
        "created": now(),
    }
    if server:
        require_attachable(cloud, record, server)
        cloud.actions.require_unlocked("server", server["id"])
    cloud.store.put(KIND, record)
    made = cloud.actions.start(
        request, "create_volume", [(KIND, key)], {"volume": key, "size": size, "format": filesystem}
    )
    then = [start_attach(cloud, request, record, server["id"], [made])] if server else []
    body = {
        "volume": show(record),
        "action": actions.show(made),
        "next_actions": [actions.show(one) for one in then],
    }
    return Response(201, body)


@routes.add("GET", "/volumes/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One volume."""
    return Response(200, {"volume": show(_wanted(cloud, request))})


@routes.add("PUT", "/volumes/{id}")
def update(cloud: Cloud, request: Request) -> Response:
    """Renames or relabels a volume."""
    record, fields = _wanted(cloud, request), Fields(request)
    objects.rename(cloud, KIND, record, fields, fields.volume_name)
    cloud.store.put(KIND, record)
    return Response(200, {"volume": show(record)})


@routes.add("DELETE", "/volumes/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Destroys a volume that is neither protected nor attached; its data are gone when this answers."""
    record = _wanted(cloud, request)
    if record["protection"]["delete"]:
        raise HetznerError("protected", "volume deletion is protected")
    if record["server"] is not None:
        raise HetznerError("service_error", "volume is still attached to a server, please detach it first")
    cloud.actions.require_unlocked(KIND, record["id"])
    cloud.store.delete(KIND, record["id"])
    cloud.actions.start(request, "delete_volume", [(KIND, record["id"])], {"volume": record["id"]})
    return Response(204)


@routes.add("POST", "/volumes/{id}/actions/attach")
def attach(cloud: Cloud, request: Request) -> Response:
    """Attaches the volume to a server of its location."""
    record, fields = _wanted(cloud, request), Fields(request)
    fields.flag("automount", default=False)
    server = _server(cloud, fields.number("server"))
    cloud.actions.require_unlocked(KIND, record["id"])
    cloud.actions.require_unlocked("server", server["id"])
    require_attachable(cloud, record, server)
    return Response(201, {"action": actions.show(start_attach(cloud, request, record, server["id"], []))})


@routes.add("POST", "/volumes/{id}/actions/detach")
def detach(cloud: Cloud, request: Request) -> Response:
    """Takes the volume off its server."""
    record = _wanted(cloud, request)
    cloud.actions.require_unlocked(KIND, record["id"])
    if record["server"] is None:
        raise HetznerError("service_error", "volume is not attached to a server")
    cloud.actions.require_unlocked("server", record["server"])
    action = cloud.actions.start(
        request,
        "detach_volume",
        [("server", record["server"]), (KIND, record["id"])],
        {"volume": record["id"], "server": record["server"]},
    )
    return Response(201, {"action": actions.show(action)})


@routes.add("POST", "/volumes/{id}/actions/resize")
def resize(cloud: Cloud, request: Request) -> Response:
    """Enlarges the volume; there is no way back."""
    record, size = _wanted(cloud, request), Fields(request).number("size")
    if size <= record["size"]:
        raise invalid("size", f"must be greater than the current size of {record['size']} GB")
    if size > MAX_GB:
        raise invalid("size", f"must be at most {MAX_GB}")
    cloud.actions.require_unlocked(KIND, record["id"])
    action = cloud.actions.start(
        request,
        "resize_volume",
        [(KIND, record["id"])],
        {"volume": record["id"], "server": record["server"], "size": size},
    )
    return Response(201, {"action": actions.show(action)})


@routes.add("POST", "/volumes/{id}/actions/change_protection")
def change_protection(cloud: Cloud, request: Request) -> Response:
    """Turns delete protection on or off."""
    record = _wanted(cloud, request)
    record["protection"] = {"delete": Fields(request).flag("delete", default=record["protection"]["delete"])}
    cloud.store.put(KIND, record)
    action = cloud.actions.start(request, "change_protection", [(KIND, record["id"])], {})
    return Response(201, {"action": actions.show(action)})


def _change(backend: Backend, args: Record, **values: object) -> None:
    record = backend.store.get(KIND, args["volume"])
    if record:
        backend.store.put(KIND, {**record, **values})


def _work_create(backend: Backend, args: Record) -> None:
    try:
        backend.machines.create_volume(args["volume"], args["size"], args["format"])
    except Exception:
        with suppress(Exception):
            backend.machines.delete_volume(args["volume"])
        raise


EFFECTS["create_volume"] = Effect(
    work=_work_create,
    done=lambda backend, args: _change(backend, args, status="available"),
    failed=lambda backend, args: backend.store.delete(KIND, args["volume"]),
)
EFFECTS["delete_volume"] = Effect(work=lambda backend, args: backend.machines.delete_volume(args["volume"]))
EFFECTS["attach_volume"] = Effect(
    work=lambda backend, args: backend.machines.attach_volume(args["volume"], args["server"]),
    failed=lambda backend, args: _change(backend, args, server=None),
)
EFFECTS["detach_volume"] = Effect(
    work=lambda backend, args: backend.machines.detach_volume(args["volume"], args["server"]),
    done=lambda backend, args: _change(backend, args, server=None),
)
EFFECTS["resize_volume"] = Effect(
    work=lambda backend, args: backend.machines.resize_volume(args["volume"], args["size"]),
    done=lambda backend, args: _change(backend, args, size=args["size"]),
)
