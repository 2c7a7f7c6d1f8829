"""Firewalls: rules, and the servers that they are applied to, by id or by label."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rehearsal.cloud.actions import EFFECTS, Effect
from rehearsal.cloud.backend import Backend
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, invalid
from rehearsal.cloud.hetzner import actions, objects
from rehearsal.cloud.hetzner.fields import Fields
from rehearsal.cloud.hetzner.firewall_rules import check_rules
from rehearsal.cloud.hetzner.labels import selects
from rehearsal.cloud.hetzner.limits import require_free_name, require_room
from rehearsal.cloud.hetzner.listing import listing
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record, now
from rehearsal.cloud.router import Routes
from rehearsal.machines import FirewallRule

KIND = "firewall"
# https://docs.hetzner.com/cloud/firewalls/overview#limits
MAX_PER_SERVER = 5
routes = Routes()


def of_server(backend: Backend, server: Record) -> dict[int, str]:
    """The firewalls on a server, by id, with `pending` or `applied`: directly applied and by label."""
    found = {int(key): status for key, status in server["firewalls"].items()}
    for firewall in backend.store.all(KIND):
        if any(selects(selector, server["labels"]) for selector in firewall["selectors"]):
            found.setdefault(firewall["id"], "applied")
    return found


def rules_of_server(backend: Backend, server: Record) -> list[FirewallRule] | None:
    """The union of all its firewalls' rules; None without any firewall, which lets everything pass."""
    applied = of_server(backend, server)
    if not applied:
        return None
    rules: list[FirewallRule] = []
    for key in applied:
        firewall = backend.store.get(KIND, key)
        for rule in firewall["rules"] if firewall else ():
            networks = rule["source_ips"] if rule["direction"] == "in" else rule["destination_ips"]
            rules.append(FirewallRule(rule["direction"], rule["protocol"], rule["port"], tuple(networks)))
    return rules


def enforce(backend: Backend, server_id: int) -> None:
    """Tells the machine what its firewalls are now; for use in an action's thread."""
    with backend.store.transaction():
        server = backend.store.get("server", server_id)
        rules = rules_of_server(backend, server) if server else None
    if server:
        backend.machines.set_firewall(server_id, rules)


def show(cloud: Cloud, record: Record) -> Record:
    """As the API gives it, with the resources that it is applied to."""
    servers = [one for one in cloud.store.all("server") if not one["deleting"]]
    applied: list[Record] = [
        {"type": "server", "server": {"id": one["id"]}}
        for one in servers
        if str(record["id"]) in one["firewalls"]
    ]
    for selector in record["selectors"]:
        matching = [one for one in servers if selects(selector, one["labels"])]
        applied.append(
            {
                "type": "label_selector",
                "label_selector": {"selector": selector},
                "applied_to_resources": [{"type": "server", "server": {"id": one["id"]}} for one in matching],
            }
        )
    shown = {key: value for key, value in record.items() if key != "selectors"}
    return {**shown, "applied_to": applied}


def _wanted(cloud: Cloud, request: Request) -> Record:
    return objects.wanted(cloud, request, KIND, "firewall")


def _targets(values: list[Any], field: str) -> tuple[list[int], list[str]]:
    """Server ids and label selectors of `apply_to` or `remove_from`."""
    servers: list[int] = []
    selectors: list[str] = []
    for index, value in enumerate(values):
        kind = value.get("type") if isinstance(value, dict) else None
        detail = value.get(kind) if kind in ("server", "label_selector") else None
        if kind == "server" and isinstance(detail, dict) and isinstance(detail.get("id"), int):
            if detail["id"] in servers:
                raise HetznerError("server_already_added", "server is added more than once")
            servers.append(detail["id"])
        elif (
            kind == "label_selector" and isinstance(detail, dict) and isinstance(detail.get("selector"), str)
        ):
            selects(detail["selector"], {})
            selectors.append(detail["selector"])
        else:
            raise invalid(
                f"{field}.{index}", "must be of type server with an id, or label_selector with a selector"
            )
    return servers, selectors


def put_on(cloud: Cloud, server: Record, firewall_id: int) -> None:
    """Notes a firewall on a server, pending until an action has applied it.

    Raises:
        HetznerError: the server has its five already.
    """
    if len(of_server(cloud, server)) >= MAX_PER_SERVER:
        raise HetznerError(
            "resource_limit_exceeded",
            f"server {server['id']} has {MAX_PER_SERVER} firewalls already",
            {"limits": [{"name": "firewall_per_server_limit"}]},
        )
    server["firewalls"][str(firewall_id)] = "pending"
    cloud.store.put("server", server)


def act(
    cloud: Cloud, request: Request, command: str, firewall_id: int, server_ids: Iterable[int]
) -> list[Record]:
    """Starts one action per server, each after whatever the server is busy with."""
    return [
        cloud.actions.start(
            request,
            command,
            [(KIND, firewall_id), ("server", server_id)],
            {"server": server_id, "firewall": firewall_id},
            after=cloud.actions.running("server", server_id),
        )
        for server_id in server_ids
    ]


def _work(backend: Backend, args: Record) -> None:
    if args.get("server"):
        enforce(backend, args["server"])


def _applied(backend: Backend, args: Record) -> None:
    server = backend.store.get("server", args["server"])
    if server and str(args["firewall"]) in server["firewalls"]:
        server["firewalls"][str(args["firewall"])] = "applied"
        backend.store.put("server", server)


EFFECTS["apply_firewall"] = Effect(work=_work, done=_applied)
EFFECTS["remove_firewall"] = Effect(work=_work)
EFFECTS["set_firewall_rules"] = Effect(work=_work)


def _apply(
    cloud: Cloud, request: Request, record: Record, servers: list[int], selectors: list[str]
) -> list[Record]:
    found: list[Record] = []
    for key in servers:
        server = cloud.store.get("server", key)
        if server is None or server["deleting"]:
            raise HetznerError("firewall_resource_not_found", f"server {key} not found", status=404)
        if str(record["id"]) in server["firewalls"]:
            raise HetznerError("firewall_already_applied", f"firewall is already applied to server {key}")
        found.append(server)
    for selector in selectors:
        if selector in record["selectors"]:
            raise HetznerError("firewall_already_applied", f"firewall is already applied to '{selector}'")
    for server in found:
        put_on(cloud, server, record["id"])
    record["selectors"] = [*record["selectors"], *selectors]
    cloud.store.put(KIND, record)
    touched = {*servers, *_selected(cloud, selectors)}
    return act(cloud, request, "apply_firewall", record["id"], sorted(touched))


def _selected(cloud: Cloud, selectors: Iterable[str]) -> set[int]:
    return {
        server["id"]
        for server in cloud.store.all("server")
        if not server["deleting"] and any(selects(selector, server["labels"]) for selector in selectors)
    }


def _users(cloud: Cloud, record: Record) -> list[int]:
    return sorted(
        server["id"]
        for server in cloud.store.all("server")
        if not server["deleting"] and record["id"] in of_server(cloud, server)
    )


@routes.add("GET", "/firewalls")
def list_firewalls(cloud: Cloud, request: Request) -> Response:
    """All firewalls."""
    return listing(request, "firewalls", cloud.store.all(KIND), show=lambda record: show(cloud, record))


@routes.add("POST", "/firewalls")
def create(cloud: Cloud, request: Request) -> Response:
    """Makes a firewall and applies it."""
    fields = Fields(request)
    name, labels, rules = fields.resource_name(128), fields.labels(), check_rules(fields.items("rules"))
    servers, selectors = _targets(fields.items("apply_to"), "apply_to")
    require_free_name(cloud, KIND, name)
    require_room(cloud, KIND)
    record: Record = {
        "id": cloud.store.next_id(),
        "name": name,
        "labels": labels,
        "created": now(),
        "rules": rules,
        "selectors": [],
    }
    cloud.store.put(KIND, record)
    started = [
        cloud.actions.start(
            request, "set_firewall_rules", [(KIND, record["id"])], {"firewall": record["id"]}
        ),
        *_apply(cloud, request, record, servers, selectors),
    ]
    return Response(201, {"firewall": show(cloud, record), "actions": [actions.show(one) for one in started]})


@routes.add("GET", "/firewalls/{id}")
def get(cloud: Cloud, request: Request) -> Response:
    """One firewall."""
    return Response(200, {"firewall": show(cloud, _wanted(cloud, request))})


@routes.add("PUT", "/firewalls/{id}")
def update(cloud: Cloud, request: Request) -> Response:
    """Renames or relabels a firewall."""
    record, fields = _wanted(cloud, request), Fields(request)
    objects.rename(cloud, KIND, record, fields, lambda: fields.resource_name(128))
    cloud.store.put(KIND, record)
    return Response(200, {"firewall": show(cloud, record)})


@routes.add("DELETE", "/firewalls/{id}")
def delete(cloud: Cloud, request: Request) -> Response:
    """Removes a firewall that is applied to nothing."""
    record = _wanted(cloud, request)
    if record["selectors"] or _users(cloud, record):
        raise HetznerError("resource_in_use", f"firewall with ID '{record['id']}' is still in use")
    cloud.store.delete(KIND, record["id"])
    return Response(204)


@routes.add("POST", "/firewalls/{id}/actions/set_rules")
def set_rules(cloud: Cloud, request: Request) -> Response:
    """Replaces all rules; the servers get them in actions of their own."""
    record, fields = _wanted(cloud, request), Fields(request)
    if not fields.has("rules"):
        raise invalid("rules", "missing data for required field")
    record["rules"] = check_rules(fields.items("rules"))
    cloud.store.put(KIND, record)
    started = [
        cloud.actions.start(
            request, "set_firewall_rules", [(KIND, record["id"])], {"firewall": record["id"]}
        ),
        *act(cloud, request, "apply_firewall", record["id"], _users(cloud, record)),
    ]
    return Response(201, {"actions": [actions.show(one) for one in started]})


@routes.add("POST", "/firewalls/{id}/actions/apply_to_resources")
def apply_to_resources(cloud: Cloud, request: Request) -> Response:
    """Applies the firewall to servers and label selectors."""
    record, fields = _wanted(cloud, request), Fields(request)
    servers, selectors = _targets(fields.items("apply_to"), "apply_to")
    if not servers and not selectors:
        raise invalid("apply_to", "missing data for required field")
    started = _apply(cloud, request, record, servers, selectors)
    return Response(201, {"actions": [actions.show(one) for one in started]})


@routes.add("POST", "/firewalls/{id}/actions/remove_from_resources")
def remove_from_resources(cloud: Cloud, request: Request) -> Response:
    """Takes the firewall off servers and selectors; one that it is not on is no error since August 2025."""
    record, fields = _wanted(cloud, request), Fields(request)
    servers, selectors = _targets(fields.items("remove_from"), "remove_from")
    touched = _selected(cloud, selectors)
    for key in servers:
        server = cloud.store.get("server", key)
        if server is None or server["deleting"]:
            raise HetznerError("firewall_resource_not_found", f"server {key} not found", status=404)
        if server["firewalls"].pop(str(record["id"]), None) is not None:
            cloud.store.put("server", server)
            touched.add(key)
        elif record["id"] in of_server(cloud, server):
            raise HetznerError(
                "firewall_managed_by_label_selector",
                f"firewall is applied to server {key} by a label selector and cannot be removed by hand",
            )
    record["selectors"] = [selector for selector in record["selectors"] if selector not in selectors]
    cloud.store.put(KIND, record)
    started = act(cloud, request, "remove_firewall", record["id"], sorted(touched))
    return Response(201, {"actions": [actions.show(one) for one in started]})
