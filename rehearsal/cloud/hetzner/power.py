"""What can be done to a server: power, rebuild, another type, backups, protection."""

from __future__ import annotations

from rehearsal.cloud.actions import EFFECTS, Effect
from rehearsal.cloud.backend import Backend
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, invalid
from rehearsal.cloud.hetzner import actions
from rehearsal.cloud.hetzner.catalogue import find_server_type
from rehearsal.cloud.hetzner.fields import Fields
from rehearsal.cloud.hetzner.orders import purchase, purchase_image
from rehearsal.cloud.hetzner.servers import KIND, change, machine_of, wanted
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record
from rehearsal.cloud.router import Routes

routes = Routes()


def _start(cloud: Cloud, request: Request, server: Record, command: str, **args: object) -> Record:
    return cloud.actions.start(request, command, [(KIND, server["id"])], {"server": server["id"], **args})


def _simple(path: str, command: str, status: str | None = None) -> None:
    """An action without a body; `status` is the server's while it lasts."""

    @routes.add("POST", f"/servers/{{id}}/actions/{path}")
    def act(cloud: Cloud, request: Request) -> Response:
        """Starts the action."""
        server = wanted(cloud, request)
        cloud.actions.require_unlocked(KIND, server["id"])
        action = _start(cloud, request, server, command, before=server["status"])
        if status:
            cloud.store.put(KIND, {**server, "status": status})
        return Response(201, {"action": actions.show(action)})


def _back(backend: Backend, args: Record) -> None:
    change(backend, args["server"], status=args["before"])


_simple("poweron", "start_server", "starting")
_simple("poweroff", "stop_server", "stopping")
_simple("shutdown", "shutdown_server")
_simple("reboot", "reboot_server")
_simple("reset", "reset_server")

EFFECTS["stop_server"] = Effect(
    work=lambda backend, args: backend.machines.stop(args["server"], graceful=False),
    done=lambda backend, args: change(backend, args["server"], status="off"),
    failed=_back,
)
EFFECTS["shutdown_server"] = Effect(
    work=lambda backend, args: backend.machines.stop(args["server"], graceful=True),
    done=lambda backend, args: change(backend, args["server"], status="off"),
    failed=_back,
)
EFFECTS["reboot_server"] = Effect(
    work=lambda backend, args: backend.machines.reboot(args["server"], graceful=True),
    done=lambda backend, args: change(backend, args["server"], status="running"),
    failed=_back,
)
EFFECTS["reset_server"] = Effect(
    work=lambda backend, args: backend.machines.reboot(args["server"], graceful=False),
    done=lambda backend, args: change(backend, args["server"], status="running"),
    failed=_back,
)


@routes.add("POST", "/servers/{id}/actions/rebuild")
def rebuild(cloud: Cloud, request: Request) -> Response:
    """Overwrites the disk with an image; without user_data the server's own is used again."""
    server, fields = wanted(cloud, request), Fields(request)
    if server["protection"]["rebuild"]:
        raise HetznerError("protected", "server rebuild is protected")
    kind = find_server_type(server["server_type"])
    image = purchase_image(fields.reference("image"), kind.architecture if kind else "x86")
    cloud.actions.require_unlocked(KIND, server["id"])
    keep = not fields.has("user_data")
    if not keep:
        cloud.seeds.keep(server["id"], fields.user_data())
    action = _start(
        cloud, request, server, "rebuild_server", before=server["status"], image=image["id"], keep=keep
    )
    cloud.store.put(KIND, {**server, "status": "rebuilding"})
    return Response(201, {"action": actions.show(action), "root_password": None})


def _work_rebuild(backend: Backend, args: Record) -> None:
    with backend.store.transaction():
        server = backend.store.get(KIND, args["server"])
        seed = "" if args["keep"] else backend.seeds.read(args["server"])
        machine = machine_of(backend, {**server, "image": args["image"]}, seed) if server else None
    if machine:
        backend.machines.rebuild(machine, keep_user_data=args["keep"])


def _done_rebuild(backend: Backend, args: Record) -> None:
    change(backend, args["server"], status="running", image=args["image"])
    backend.store.after_commit(lambda: backend.seeds.forget(args["server"]))


EFFECTS["rebuild_server"] = Effect(_work_rebuild, _done_rebuild, _back)


@routes.add("POST", "/servers/{id}/actions/change_type")
def change_type(cloud: Cloud, request: Request) -> Response:
    """Moves a stopped server to another type, whose disk must not be smaller than the server's."""
    server, fields = wanted(cloud, request), Fields(request)
    upgrade = fields.flag("upgrade_disk", default=True)
    reference = fields.reference("server_type")
    if server["status"] != "off":
        raise HetznerError("server_not_stopped", "server is not stopped")
    cloud.actions.require_unlocked(KIND, server["id"])
    kind, old = (
        purchase(cloud, request, reference, server["location"]),
        find_server_type(server["server_type"]),
    )
    if kind.name == server["server_type"]:
        raise HetznerError("invalid_server_type", "server is of this type already")
    if old and kind.architecture != old.architecture:
        raise HetznerError("invalid_server_type", "server types have different architectures")
    if kind.disk < server["primary_disk_size"]:
        raise HetznerError(
            "invalid_server_type",
            f"the disk of {kind.name} ({kind.disk} GB) is smaller than the server's "
            f"({server['primary_disk_size']} GB)",
        )
    disk = kind.disk if upgrade else server["primary_disk_size"]
    starts = cloud.faults.take("starts_again", request.method, request.path) is not None
    action = _start(
        cloud,
        request,
        server,
        "change_server_type",
        before="off",
        server_type=kind.name,
        disk=disk,
        starts=starts,
    )
    cloud.store.put(KIND, {**server, "status": "migrating"})
    return Response(201, {"action": actions.show(action)})


def _work_change_type(backend: Backend, args: Record) -> None:
    with backend.store.transaction():
        server = backend.store.get(KIND, args["server"])
        machine = machine_of(backend, {**server, "server_type": args["server_type"]}) if server else None
    if machine:
        backend.machines.resize(machine)
    if args["starts"]:
        EFFECTS["start_server"].work(backend, args)


EFFECTS["change_server_type"] = Effect(
    work=_work_change_type,
    done=lambda backend, args: change(
        backend,
        args["server"],
        status="running" if args["starts"] else "off",
        server_type=args["server_type"],
        primary_disk_size=args["disk"],
    ),
    failed=_back,
)


@routes.add("POST", "/servers/{id}/actions/change_protection")
def change_protection(cloud: Cloud, request: Request) -> Response:
    """Turns delete and rebuild protection on or off, always both."""
    server, fields = wanted(cloud, request), Fields(request)
    protection = {
        name: fields.flag(name, default=server["protection"][name]) for name in ("delete", "rebuild")
    }
    if protection["delete"] != protection["rebuild"]:
        raise invalid("rebuild", "delete and rebuild protection must have the same value")
    cloud.store.put(KIND, {**server, "protection": protection})
    action = cloud.actions.start(request, "change_protection", [(KIND, server["id"])], {})
    return Response(201, {"action": actions.show(action)})


# Daily backups cost a fifth of the server and leave volumes out; turning them off deletes them.
_simple("enable_backup", "enable_backup")
_simple("disable_backup", "disable_backup")

EFFECTS["enable_backup"] = Effect(
    done=lambda backend, args: change(backend, args["server"], backup_window="22-02")
)
EFFECTS["disable_backup"] = Effect(
    done=lambda backend, args: change(backend, args["server"], backup_window=None)
)
