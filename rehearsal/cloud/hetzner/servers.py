"""Servers: making, showing, changing, deleting."""

from __future__ import annotations

import secrets
from contextlib import suppress

from rehearsal.cloud.actions import EFFECTS, Effect
from rehearsal.cloud.backend import Backend
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, invalid, not_found
from rehearsal.cloud.hetzner import actions, firewalls, objects, orders, primary_ips, volumes
from rehearsal.cloud.hetzner.catalogue import (
    find_image,
    find_location,
    find_server_type,
    show_server_type,
)
from rehearsal.cloud.hetzner.fields import Fields
from rehearsal.cloud.hetzner.limits import require_free_name, require_room
from rehearsal.cloud.hetzner.listing import listing
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now
from rehearsal.cloud.router import Routes
from rehearsal.machines import ServerRecord

KIND = "server"
routes = Routes()


def all_visible(cloud: Cloud) -> list[Record]:
    """All servers but those that are being deleted, which the API no longer shows."""
    return [server for server in cloud.store.all(KIND) if not server["deleting"]]


def wanted(cloud: Cloud, request: Request) -> Record:
    """The server that the path names.

    Raises:
        HetznerError: not_found.
    """
    server = cloud.store.get(KIND, request.params["id"])
    if server is None or server["deleting"]:
        raise not_found("server", request.params["id"])
    return server


def show(cloud: Cloud, server: Record) -> Record:
    """As the API gives it; user_data and ssh keys are never shown."""
    addresses = primary_ips.of_server(cloud, server["id"])
    v4, v6 = addresses.get("ipv4"), addresses.get("ipv6")
    kind = find_server_type(server["server_type"])
    return {
        "id": server["id"],
        "name": server["name"],
        "status": server["status"],
        "created": server["created"],
        "public_net": {
            "ipv4": v4 and {"id": v4["id"], "ip": v4["ip"], "blocked": False, "dns_ptr": _dns_name(v4["ip"])},
            "ipv6": v6 and {"id": v6["id"], "ip": v6["ip"], "blocked": False, "dns_ptr": []},
            "floating_ips": [],
            "firewalls": [
                {"id": key, "status": status} for key, status in firewalls.of_server(cloud, server).items()
            ],
        },
        "private_net": [],
        "server_type": show_server_type(kind) if kind else None,
        "location": find_location(server["location"]),
        "image": find_image(server["image"]),
        "iso": None,
        "rescue_enabled": False,
        "locked": cloud.actions.locked(KIND, server["id"]),
        "backup_window": server["backup_window"],
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": 20 * 1024**4,
        "protection": server["protection"],
        "labels": server["labels"],
        "volumes": [volume["id"] for volume in volumes.of_server(cloud, server["id"])],
        "primary_disk_size": server["primary_disk_size"],
        "placement_group": None,
        "load_balancers": [],
    }


def _dns_name(ip: str) -> str:
    return f"static.{'.'.join(reversed(ip.split('.')))}.clients.your-server.de"


def machine_of(backend: Backend, server: Record, user_data: str = "") -> ServerRecord:
    """What a machine is made from."""
    kind, image = find_server_type(server["server_type"]), find_image(server["image"])
    address = primary_ips.of_server(backend, server["id"]).get("ipv4")
    if kind is None or image is None:
        raise LookupError(
            f"server {server['id']}: {server['server_type']} or {server['image']} left the catalogue"
        )
    return ServerRecord(
        id=server["id"],
        name=server["name"],
        hostname=server["name"],
        ipv4=address["ip"] if address else "",
        image=image["name"],
        memory_mb=kind.memory * 1024,
        cpus=kind.cores,
        public_keys=tuple(server["public_keys"]),
        user_data=user_data,
    )


@routes.add("GET", "/servers")
def list_servers(cloud: Cloud, request: Request) -> Response:
    """All servers."""
    return listing(
        request,
        "servers",
        all_visible(cloud),
        show=lambda server: show(cloud, server),
        filters=("name", "status"),
    )


@routes.add("POST", "/servers")
def create(cloud: Cloud, request: Request) -> Response:
    """Makes a server; booting it, applying firewalls and attaching volumes are actions."""
    fields = Fields(request)
    name, labels, user_data = fields.hostname(), fields.labels(), fields.user_data()
    start = fields.flag("start_after_create", default=True)
    if fields.has("datacenter"):
        raise invalid("datacenter", "was removed, use location")
    for unsupported in ("networks", "placement_group"):
        if fields.values.get(unsupported):
            raise HetznerError("unsupported_error", f"{unsupported}: not part of the embedded cloud")
    type_reference, image_reference = fields.reference("server_type"), fields.reference("image")
    place = find_location(fields.values.get("location") or "fsn1")
    if place is None:
        raise invalid("location", f"location '{fields.values['location']}' not found")
    require_free_name(cloud, KIND, name)
    require_room(cloud, KIND)
    keys, walls = orders.keys_of(cloud, fields), orders.firewalls_of(cloud, fields)
    net = orders.public_net(cloud, fields, place["name"])
    require_room(cloud, "primary_ip", len(net.fresh))
    kind = orders.purchase(cloud, request, type_reference, place["name"])
    image = orders.purchase_image(image_reference, kind.architecture)
    server: Record = {
        "id": cloud.store.next_id(),
        "name": name,
        "status": "initializing",
        "created": now(),
        "server_type": kind.name,
        "image": image["id"],
        "location": place["name"],
        "labels": labels,
        "protection": {"delete": False, "rebuild": False},
        "backup_window": None,
        "primary_disk_size": kind.disk,
        "public_keys": keys,
        "firewalls": {},
        "deleting": False,
    }
    attached = orders.volumes_of(cloud, fields, server)
    cloud.store.put(KIND, server)
    for address in net.given:
        cloud.store.put("primary_ip", {**address, "assignee_id": server["id"]})
    for version in net.fresh:
        made = primary_ips.make(
            cloud,
            name=f"primary_ip-{cloud.store.next_id()}",
            kind=version,
            location=place["name"],
            auto_delete=True,
            labels={},
        )
        cloud.store.put("primary_ip", {**made, "assignee_id": server["id"]})
    for wall in walls:
        firewalls.put_on(cloud, server, wall)
    cloud.seeds.keep(server["id"], user_data)

    made_action = cloud.actions.start(
        request, "create_server", [(KIND, server["id"])], {"server": server["id"]}
    )
    then: list[Record] = []
    if start:
        then.append(
            cloud.actions.start(
                request, "start_server", [(KIND, server["id"])], {"server": server["id"]}, after=[made_action]
            )
        )
    for volume in attached:
        then.append(volumes.start_attach(cloud, request, volume, server["id"], [made_action, *then]))
    return Response(
        201,
        {
            "server": show(cloud, server),
            "action": actions.show(made_action),
            "next_actions": [actions.show(one) for one in then],
            "root_password": None if keys else secrets.token_urlsafe(15),
        },
    )


@routes.add("GET", "/servers/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One server."""
    return Response(200, {"server": show(cloud, wanted(cloud, request))})


@routes.add("PUT", "/servers/{id}")
def update(cloud: Cloud, request: Request) -> Response:
    """Renames or relabels a server; labels may bring it under other firewalls."""
    server, fields = wanted(cloud, request), Fields(request)
    before = firewalls.of_server(cloud, server)
    objects.rename(cloud, KIND, server, fields, fields.hostname)
    cloud.store.put(KIND, server)
    after = firewalls.of_server(cloud, server)
    for key in sorted({*after} - {*before}):
        firewalls.act(cloud, request, "apply_firewall", key, [server["id"]])
    for key in sorted({*before} - {*after}):
        firewalls.act(cloud, request, "remove_firewall", key, [server["id"]])
    return Response(200, {"server": show(cloud, server)})


@routes.add("DELETE", "/servers/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Deletes a server; its volumes and addresses are free once the action has finished."""
    server = wanted(cloud, request)
    if server["protection"]["delete"]:
        raise HetznerError("protected", "server deletion is protected")
    cloud.actions.require_unlocked(KIND, server["id"])
    cloud.store.put(KIND, {**server, "deleting": True})
    action = cloud.actions.start(request, "delete_server", [(KIND, server["id"])], {"server": server["id"]})
    return Response(200, {"action": actions.show(action)})


def change(backend: Backend, server_id: int, **values: object) -> None:
    """Changes some members of a server that may be gone."""
    server = backend.store.get(KIND, server_id)
    if server:
        backend.store.put(KIND, {**server, **values})


def _work_create(backend: Backend, args: Record) -> None:
    with backend.store.transaction():
        server = backend.store.get(KIND, args["server"])
        machine = machine_of(backend, server, backend.seeds.read(args["server"])) if server else None
    if machine is None:
        return
    try:
        backend.machines.create(machine)
        firewalls.enforce(backend, machine.id)
    except Exception:
        # The server will be forgotten, so what was made of its machine must not stay behind.
        with suppress(Exception):
            backend.machines.delete(machine.id)
        raise


def _done_create(backend: Backend, args: Record) -> None:
    server = backend.store.get(KIND, args["server"])
    if server:
        applied = dict.fromkeys(server["firewalls"], "applied")
        backend.store.put(KIND, {**server, "status": "off", "firewalls": applied})
    backend.store.after_commit(lambda: backend.seeds.forget(args["server"]))


def _failed_create(backend: Backend, args: Record) -> None:
    # Hetzner keeps nothing of a server whose creation failed but its addresses and volumes.
    _release(backend, args["server"])
    backend.store.after_commit(lambda: backend.seeds.forget(args["server"]))


def _release(backend: Backend, server_id: int) -> None:
    """Frees what a server held and forgets the server."""
    for address in primary_ips.of_server(backend, server_id).values():
        if address["auto_delete"]:
            primary_ips.remove(backend, address)
        else:
            backend.store.put("primary_ip", {**address, "assignee_id": None})
    for volume in volumes.of_server(backend, server_id):
        backend.store.put("volume", {**volume, "server": None})
    backend.store.delete(KIND, server_id)


def _work_delete(backend: Backend, args: Record) -> None:
    for volume in volumes.of_server(backend, args["server"]):
        backend.machines.detach_volume(volume["id"], args["server"])
    backend.machines.delete(args["server"])


EFFECTS["create_server"] = Effect(_work_create, _done_create, _failed_create)
EFFECTS["start_server"] = Effect(
    work=lambda backend, args: backend.machines.start(args["server"]),
    done=lambda backend, args: change(backend, args["server"], status="running"),
    # One that is started by its creation is off before.
    failed=lambda backend, args: change(backend, args["server"], status=args.get("before", "off")),
)
EFFECTS["delete_server"] = Effect(
    work=_work_delete,
    done=lambda backend, args: _release(backend, args["server"]),
    failed=lambda backend, args: change(backend, args["server"], deleting=False),
)
