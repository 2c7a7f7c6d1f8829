"""How actions are shown, and asked for: by id, by kind, by what they are about."""

from __future__ import annotations

import time

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HetznerError, not_found
from rehearsal.cloud.hetzner.listing import listing
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record
from rehearsal.cloud.router import Routes


def show(action: Record) -> Record:
    """An action as the API gives it; its progress is the part of its time that has passed."""
    progress = 100
    if action["status"] == "running":
        passed = time.time() - action["began"]
        progress = min(95, int(100 * passed / action["seconds"])) if action["seconds"] else 50
    return {
        "id": action["id"],
        "command": action["command"],
        "status": action["status"],
        "progress": progress,
        "started": action["started"],
        "finished": action["finished"],
        "resources": action["resources"],
        "error": action["error"],
    }


routes = Routes()

SORT = ("id", "command", "status", "started", "finished")
KINDS = {"servers": "server", "volumes": "volume", "primary_ips": "primary_ip", "firewalls": "firewall"}


@routes.add("GET", "/actions")
def list_actions(cloud: Cloud, request: Request) -> Response:
    """Several actions by id; listing all was removed in January 2025."""
    keys = [value for value in request.query.get("id", []) if value]
    if not keys:
        raise HetznerError(
            "deprecated_api_endpoint",
            "listing all actions was removed; ask for actions by id",
            {
                "announcement": "https://docs.hetzner.cloud/changelog#2023-07-20-actions-list-endpoint-is-deprecated"
            },
        )
    found = [action for key in dict.fromkeys(keys) if (action := cloud.actions.get(key)) is not None]
    return listing(request, "actions", found, show=show, sort=SORT, filters=("status",))


@routes.add("GET", "/actions/{id}")
def get_action(cloud: Cloud, request: Request) -> Response:
    """One action."""
    action = cloud.actions.get(request.params["id"])
    if action is None:
        raise not_found("action", request.params["id"])
    return Response(200, {"action": show(action)})


def _of_kind(plural: str, kind: str) -> None:
    @routes.add("GET", f"/{plural}/actions")
    def list_of_kind(cloud: Cloud, request: Request) -> Response:
        """All actions about resources of this kind."""
        found = cloud.actions.about(kind)
        return listing(request, "actions", found, show=show, sort=SORT, filters=("id", "status"))

    @routes.add("GET", f"/{plural}/actions/{{id}}")
    def get_of_kind(cloud: Cloud, request: Request) -> Response:
        """One of them."""
        return get_action(cloud, request)

    @routes.add("GET", f"/{plural}/{{id}}/actions")
    def list_of_one(cloud: Cloud, request: Request) -> Response:
        """The actions about one resource."""
        key = request.params["id"]
        if not key.isdigit():
            raise not_found(kind, key)
        found = cloud.actions.about(kind, int(key))
        return listing(request, "actions", found, show=show, sort=SORT, filters=("status",))

    @routes.add("GET", f"/{plural}/{{id}}/actions/{{action}}")
    def get_of_one(cloud: Cloud, request: Request) -> Response:
        """One of them."""
        action = cloud.actions.get(request.params["action"])
        if action is None:
            raise not_found("action", request.params["action"])
        return Response(200, {"action": show(action)})


for _plural, _kind in KINDS.items():
    _of_kind(_plural, _kind)
