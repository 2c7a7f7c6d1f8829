"""Leftovers in a Hetzner project; names are unique there per kind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import requests
from hcloud import APIException, Client

from operations.journal import Intent
from operations.orphans import Context, at_work, foreign

ENDPOINT = "https://api.hetzner.cloud/v1"
BUSY = ("locked", "conflict", "resource_in_use", "rate_limit_exceeded", "must_be_unassigned")
_PASSING = ("unavailable", "service_error", "server_error", "timeout", "maintenance", "unknown_error")
TRIES = 30
PASSING_SECONDS = 1.0

_CLIENTS: dict[str, tuple[str, str]] = {
    "hcloud:index/server:Server": ("server", "servers"),
    "hcloud:index/primaryIp:PrimaryIp": ("primary address", "primary_ips"),
    "hcloud:index/volume:Volume": ("volume", "volumes"),
    "hcloud:index/firewall:Firewall": ("firewall", "firewalls"),
    "hcloud:index/sshKey:SshKey": ("ssh key", "ssh_keys"),
    "hcloud:index/network:Network": ("network", "networks"),
    "hcloud:index/placementGroup:PlacementGroup": ("placement group", "placement_groups"),
    "hcloud:index/floatingIp:FloatingIp": ("floating address", "floating_ips"),
    "hcloud:index/loadBalancer:LoadBalancer": ("load balancer", "load_balancers"),
}
_PROTECTION: dict[str, dict[str, bool]] = {
    "servers": {"delete": False, "rebuild": False},
    "primary_ips": {"delete": False},
    "volumes": {"delete": False},
    "networks": {"delete": False},
    "floating_ips": {"delete": False},
    "load_balancers": {"delete": False},
}


class Hetzner:
    """Looks up by `HCLOUD_TOKEN` (and `HCLOUD_ENDPOINT`), as the provider does."""

    prefix = "hcloud:"

    def __init__(self, environment: dict[str, str] | None = None, pause_seconds: float = 2.0) -> None:
        self._client = hetzner({**os.environ, **(environment or {})}, pause_seconds)
        self._pause_seconds = pause_seconds

    def remove(self, intent: Intent, context: Context) -> str | None:
        """See `Finder`. Of an attachment, the volume is detached: it stays whatever it was."""
        if intent.type == "hcloud:index/volumeAttachment:VolumeAttachment":
            return self._detach(intent, context)
        if intent.type not in _CLIENTS:
            return None
        kind, attribute = _CLIENTS[intent.type]
        name = intent.inputs.get("name")
        if not isinstance(name, str):
            return None
        found = self._patiently(lambda: getattr(self._client, attribute).get_by_name(name))
        if found is None or str(found.id) in context.known:
            return None
        created = _aware(found.created)
        if context.younger(created):
            raise at_work(intent, kind, name, str(found.id), created)
        if not context.owned(intent, found.labels or {}, created) or self._holds_data(attribute, found):
            raise foreign(intent, kind, name, str(found.id), created)
        if attribute in _PROTECTION and any((found.protection or {}).values()):
            self._patiently(lambda: found.change_protection(**_PROTECTION[attribute]).wait_until_finished())
        self._patiently(lambda: _finish(found.delete()))
        return f"{kind} {name} (id {found.id})"

    def _detach(self, intent: Intent, context: Context) -> str | None:
        volume_id = intent.inputs.get("volumeId")
        if not isinstance(volume_id, int | float) or _attached(context, int(volume_id)):
            return None
        volume = self._patiently(lambda: self._client.volumes.get_by_id(int(volume_id)))
        server = volume.server
        if server is None or server.id != intent.inputs.get("serverId"):
            return None
        self._patiently(lambda: _finish(volume.detach()))
        return f"attachment of volume {volume.name} to server {server.id}"

    @staticmethod
    def _holds_data(attribute: str, found: Any) -> bool:
        """A volume in use: its attachment was a later step, so this is not the creation that was cut off."""
        return attribute == "volumes" and found.server is not None

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        return patiently(ask, self._pause_seconds)


def hetzner(environment: Mapping[str, str], pause_seconds: float = 1.0) -> Client:
    """A client with `HCLOUD_TOKEN` (and `HCLOUD_ENDPOINT`); it looks after an action each `pause_seconds`."""
    return Client(
        token=environment["HCLOUD_TOKEN"],
        api_endpoint=environment.get("HCLOUD_ENDPOINT") or ENDPOINT,
        application_name="jira-plus-plus",
        poll_interval=min(1.0, pause_seconds),
        timeout=30,
    )


def left(environment: Mapping[str, str], stack: str) -> list[str]:
    """What the project has with the labels of a stack, in words; of a destroyed one it should be nothing."""
    client = hetzner(environment)
    selector = f"managed-by=jira-plus-plus,stack={stack}"  # as components/host/labels.py has it
    return [
        f"{kind} {found.name} (id {found.id})"
        for kind, attribute in _CLIENTS.values()
        for found in steadily(partial(getattr(client, attribute).get_all, label_selector=selector))
    ]


def steadily(ask: Callable[[], Any]) -> Any:
    """Asks again, five times in all, what a limit, a server's error or a dropped connection has cut off.

    What is asked must bear that it has taken effect already.
    """
    for left in reversed(range(5)):
        try:
            return ask()
        except (APIException, requests.RequestException) as error:
            if not left or not passing(error):
                raise
            time.sleep(PASSING_SECONDS)
    raise AssertionError("unreachable")


def passing(error: Exception) -> bool:
    """Whether the same may succeed a moment later."""
    if not isinstance(error, APIException):
        return isinstance(error, requests.RequestException)
    code = str(error.code)  # the status, where the answer was no JSON
    return code in (*BUSY, *_PASSING) or (code.isdigit() and int(code) >= 500)


def patiently(ask: Callable[[], Any], pause_seconds: float) -> Any:
    """Asks again while an action still holds the resource; None if there is none."""
    for left in reversed(range(TRIES)):
        try:
            return ask()
        except APIException as error:
            if str(error.code) == "not_found":
                return None
            if not left or str(error.code) not in BUSY:
                raise
            time.sleep(pause_seconds)
    raise AssertionError("unreachable")


def _attached(context: Context, volume_id: int) -> bool:
    """Whether the state knows an attachment of this volume; its id is the volume's."""
    return f"hcloud:index/volumeAttachment:VolumeAttachment/{volume_id}" in context.known


def _finish(result: Any) -> None:
    if hasattr(result, "wait_until_finished"):
        result.wait_until_finished()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
