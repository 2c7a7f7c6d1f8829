"""A server that answers like Hetzner and Cloudflare just enough for a plugin, and writes down what it was
asked.

It is no cloud: it checks and forbids nothing. What the embedded cloud does is tested with the embedded cloud.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_COLLECTIONS = {
    "ssh_keys": "ssh_key",
    "primary_ips": "primary_ip",
    "volumes": "volume",
    "firewalls": "firewall",
    "servers": "server",
}


@dataclass
class Fault:
    """The next `times` requests whose method and path match get this status and code; status 0 drops the
    connection."""

    status: int
    times: int
    code: str
    which: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    """Input to what is wrong with it."""


@dataclass
class Recording:
    """What was asked, in order, and what there is."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    objects: dict[str, dict[int, dict[str, Any]]] = field(
        default_factory=lambda: {name: {} for name in _COLLECTIONS}
    )
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: dict[int, dict[str, Any]] = field(default_factory=dict)
    failing: bool = False
    """Whether an action that is polled fails."""
    polls: int = 0
    """How often an action is told to be running still."""
    resizes: bool = True
    """Whether a volume that is resized tells its new size afterwards."""
    endpoint: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(101))

    def step(self, name: str) -> None:
        """Mark where a step begins."""
        self.requests.append({"step": name})

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The status and body for a request, which is written down."""
        with self.lock:
            status, result = self._fault(method, path) or self._route(method, path, body or {})
            self.requests.append({"m": method, "p": path, "body": body, "status": status})
            return status, result

    def _fault(self, method: str, path: str) -> tuple[int, Any] | None:
        for fault in self.faults:
            if fault.times and re.search(fault.which, f"{method} {path}"):
                fault.times -= 1
                fields = [{"name": name, "messages": said} for name, said in fault.fields.items()]
                error = {
                    "code": fault.code,
                    "message": f"made to fail with {fault.code}",
                    "details": {"fields": fields} if fields else None,
                }
                return fault.status, {"error": error}
        return None

    def _route(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        parts = urlsplit(path)
        segments = parts.path.strip("/").split("/")
        if segments[0] == "cf":
            return self._cloudflare(method, "/".join(segments[1:]), body)
        segments, query = segments[1:], parse_qs(parts.query)
        if segments[0] == "actions":
            return 200, {"actions": [self._poll(int(number)) for number in query["id"]], "meta": _PAGES}
        if segments[0] == "server_types":
            return 200, {
                "server_types": [{"id": 22, "name": query["name"][0], "architecture": "x86"}],
                "meta": _PAGES,
            }
        if segments[0] == "images":
            return 200, {
                "images": [{"id": 114690387, "name": query["name"][0], "architecture": "x86"}],
                "meta": _PAGES,
            }
        return self._object(method, segments, body)

    def _object(self, method: str, segments: list[str], body: dict[str, Any]) -> tuple[int, Any]:
        collection, kind = segments[0], _COLLECTIONS[segments[0]]
        there = self.objects[collection]
        if method == "POST" and len(segments) == 1:
            return 201, self._create(collection, kind, body)
        if len(segments) == 1:
            return 200, {collection: [], "meta": _PAGES}
        number = int(segments[1])
        if number not in there:
            return 404, {"error": {"code": "not_found", "message": f"{kind} not found"}}
        thing = there[number]
        if method == "DELETE":
            del there[number]
            return (200, {"action": self._action()}) if collection == "servers" else (204, None)
        if method == "PUT":
            thing.update(body)
        if method == "POST":
            self._act(thing, segments[3], body)
            action = self._action()
            return 201, {"actions": [action]} if collection == "firewalls" else {"action": action}
        return 200, {kind: thing}

    def _create(self, collection: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        number = next(self.ids)
        thing = {"id": number, "labels": {}, "protection": {"delete": False, "rebuild": False}, **body}
        if isinstance(body.get("location"), str):
            thing["location"] = {"name": body["location"]}
        _FORMS[kind](thing, body)
        self.objects[collection][number] = thing
        if collection in ("ssh_keys", "primary_ips"):
            return {kind: thing}
        if collection == "firewalls":
            return {kind: thing, "actions": []}
        return {kind: thing, "action": self._action(), "next_actions": []}

    def _act(self, thing: dict[str, Any], action: str, body: dict[str, Any]) -> None:
        if action == "attach":
            thing["server"] = body["server"]
        elif action == "detach":
            thing["server"] = None
        elif action == "resize" and self.resizes:
            thing["size"] = body["size"]
        elif action == "change_dns_ptr":
            thing["public_net"]["ipv4"]["dns_ptr"] = body["dns_ptr"] or ""
        elif action in ("apply_to_resources", "remove_from_resources"):
            gone, come = body.get("remove_from", []), body.get("apply_to", [])
            thing["applied_to"] = [entry for entry in thing["applied_to"] if entry not in gone] + come
            self._apply(thing["id"], gone, come)
        elif action == "set_rules":
            thing["rules"] = body["rules"]
        elif action == "change_protection":
            thing["protection"].update(body)

    def _apply(self, firewall: int, gone: list[dict[str, Any]], come: list[dict[str, Any]]) -> None:
        for entry in gone + come:
            server = self.objects["servers"].get(entry.get("server", {}).get("id"))
            if server is not None:
                there = [one for one in server["public_net"]["firewalls"] if one["id"] != firewall]
                added = [{"id": firewall, "status": "applied"}] if entry in come else []
                server["public_net"]["firewalls"] = there + added

    def _action(self) -> dict[str, Any]:
        if not self.polls:
            return {
                "id": next(self.ids),
                "status": "success",
                "command": "x",
                "progress": 100,
                "resources": [],
            }
        action = {"id": next(self.ids), "status": "running", "command": "x", "progress": 0, "resources": []}
        self.actions[action["id"]] = {**action, "left": self.polls}
        return action

    def _poll(self, number: int) -> dict[str, Any]:
        action = self.actions[number]
        if action["left"]:
            action["left"] -= 1
        else:
            action["status"] = "error" if self.failing else "success"
            action["error"] = {"code": "action_failed", "message": "Action failed"} if self.failing else None
        return {name: value for name, value in action.items() if name != "left"}

    def _cloudflare(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if method == "POST":
            number = f"r{next(self.ids)}"
            self.others[f"{path}/{number}"] = {"id": number, **body}
            return 200, {"success": True, "result": self.others[f"{path}/{number}"]}
        if method == "PATCH" or path.endswith("/settings"):
            self.others[path] = {**self.others.get(path, {}), "id": path.rpartition("/")[2], **body}
        if path not in self.others:
            return 404, {"success": False, "errors": [{"code": 81044, "message": "Record does not exist."}]}
        if method == "PUT":
            self.others[path].update(body)
        if method == "DELETE":
            return 200, {"success": True, "result": {"id": self.others.pop(path)["id"]}}
        return 200, {"success": True, "result": self.others[path]}


_PAGES = {"pagination": {"page": 1, "per_page": 25, "previous_page": None, "next_page": None, "last_page": 1}}


def _ssh_key(thing: dict[str, Any], body: dict[str, Any]) -> None:
    thing["fingerprint"] = "b7:2f:30:a0:2f:6c:58:6c:21:04:58:61:ba:06:3b:2f"


def _primary_ip(thing: dict[str, Any], body: dict[str, Any]) -> None:
    thing.update(
        ip="203.0.113.7" if body["type"] == "ipv4" else "2001:db8:1::/64",
        assignee_id=None,
        assignee_type="server",
    )


def _volume(thing: dict[str, Any], body: dict[str, Any]) -> None:
    thing.update(server=body.get("server"), linux_device=f"/dev/disk/by-id/scsi-0HC_Volume_{thing['id']}")


def _firewall(thing: dict[str, Any], body: dict[str, Any]) -> None:
    thing.update(rules=body.get("rules", []), applied_to=[])


def _server(thing: dict[str, Any], body: dict[str, Any]) -> None:
    ipv4 = {
        "id": body.get("public_net", {}).get("ipv4"),
        "ip": "203.0.113.7",
        "dns_ptr": "",
        "blocked": False,
    }
    firewalls = [{"id": entry["firewall"], "status": "applied"} for entry in body.get("firewalls", [])]
    thing.update(
        status="running",
        server_type={"name": body["server_type"], "id": 22},
        image={"id": body["image"], "name": "debian-12"},
        public_net={
            "ipv4": ipv4,
            "ipv6": {"id": 9, "ip": "2001:db8::/64", "dns_ptr": []},
            "firewalls": firewalls,
        },
        backup_window=None,
        primary_disk_size=40,
        private_net=[],
    )
    thing.setdefault("location", {"name": "fsn1"})


_FORMS = {
    "ssh_key": _ssh_key,
    "primary_ip": _primary_ip,
    "volume": _volume,
    "firewall": _firewall,
    "server": _server,
}


@contextmanager
def recording() -> Iterator[Recording]:
    """A recording server on loopback: Hetzner's API under `/v1`, Cloudflare's under `/cf`."""
    record = Recording()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            status, body = record.answer(self.command, self.path, json.loads(raw) if raw else None)
            if status == 0:
                self.close_connection = True
                return
            payload = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class looks for these names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    record.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
