"""What was done to a stack's server behind Pulumi's back, looked at before a run that needs the server.

A run reads every resource anew, in the order of their dependencies, and puts back what strayed. Three things
it cannot know by that: a server that is gone has taken along what was on it, which nobody can be asked any
more; one that is off answers nobody; and a volume that was taken off has to be mounted again, too.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from hcloud import APIException, Client

from components.host.power import switch_on
from operations.failures import SERVER
from operations.orphans.hetzner import ENDPOINT

ATTACHMENT = "hcloud:index/volumeAttachment:VolumeAttachment"
"""Its id is the volume's."""
_ASKED = (SERVER, ATTACHMENT)
SSH_SECONDS = 5.0
"""For a server to take a connection."""
_COMMAND = "command:remote:Command"

Resources = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Sight:
    """What of the state's resources Hetzner has otherwise; URNs, of servers with their id."""

    gone: Mapping[str, int] = field(default_factory=dict)
    off: Mapping[str, int] = field(default_factory=dict)
    detached: Collection[str] = ()

    @property
    def words(self) -> list[str]:
        """A line for each finding: what it is, and what a deploy makes of it."""
        return [
            *(f"{_name(urn)} (id {i}) is gone; made again, with all on it" for urn, i in self.gone.items()),
            *(f"{_name(urn)} (id {i}) is off; switched on" for urn, i in self.off.items()),
            *(f"{_name(urn)}: the volume was taken off; attached and mounted again" for urn in self.detached),
        ]

    def again(self, resources: Resources) -> list[str]:
        """URNs of the commands that have to run again: those that come after what is off or was taken off."""
        awaited = {*self.off, *self.detached}
        return [
            r["urn"]
            for r in resources
            if r["type"] == _COMMAND and awaited & set(r.get("dependencies") or ())
        ]

    def lost(self, resources: Resources) -> list[str]:
        """URNs of what went with a server, and the server's."""
        return [r["urn"] for r in resources if {r["urn"], r.get("deletedWith")} & self.gone.keys()]


class Hetzner:
    """Asks with `HCLOUD_TOKEN` (and `HCLOUD_ENDPOINT`), as the provider does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        values = {**os.environ, **environment}
        self._token = values.get("HCLOUD_TOKEN") or ""
        self._endpoint = values.get("HCLOUD_ENDPOINT") or ENDPOINT

    def look(self, resources: Resources) -> Sight:
        """How the servers of a state, and the volumes attached to them, are now; nothing without a token.

        Raises:
            hcloud.HCloudException: Hetzner refuses.
            OSError: Hetzner does not answer.
        """
        known = {r["urn"]: int(r["id"]) for r in resources if r["type"] in _ASKED and r.get("id")}
        gone, off, detached = {}, {}, []
        if self._token and known:
            client = Client(
                token=self._token, api_endpoint=self._endpoint, application_name="jira-plus-plus", timeout=30
            )
            for urn, number in known.items():
                if urn.split("::")[2].endswith(SERVER):
                    server = _or_none(client.servers.get_by_id, number)
                    if server is None:
                        gone[urn] = number
                    elif server.status == server.STATUS_OFF:
                        off[urn] = number
                elif (volume := _or_none(client.volumes.get_by_id, number)) and volume.server is None:
                    detached.append(urn)
        return Sight(gone, off, () if gone else tuple(detached))

    def switch_on(self, sight: Sight) -> None:
        """Switches on what is off, and waits until it runs.

        Raises:
            TimeoutError: it does not within minutes.
            hcloud.HCloudException: Hetzner refuses.
        """
        for number in sight.off.values():
            switch_on(self._token, self._endpoint, number)


def unreachable(resources: Resources, environment: Mapping[str, str]) -> str | None:
    """The address of a server of the state whose ssh does not answer from here; None: all do.

    Docker's provider would dial it for minutes before it says so.
    """
    if environment.get("REHEARSAL_DOCKER") == "record":
        return None
    for resource in resources:
        address = urlsplit(str((resource.get("inputs") or {}).get("host") or ""))
        if resource["type"] == "pulumi:providers:docker" and address.scheme == "ssh" and address.hostname:
            try:
                socket.create_connection((address.hostname, address.port or 22), SSH_SECONDS).close()
            except OSError:
                return address.hostname
    return None


def without(deployment: Mapping[str, Any], urns: Collection[str]) -> dict[str, Any]:
    """An exported state that does not know `urns` any more, not as dependencies of others either."""
    kept = [_severed(r, set(urns)) for r in deployment["resources"] if r["urn"] not in urns]
    return {**deployment, "resources": kept}


def _severed(resource: Mapping[str, Any], urns: set[str]) -> dict[str, Any]:
    severed = dict(resource)
    for key in ("dependencies", "replaceWith"):
        if severed.get(key):
            severed[key] = [urn for urn in severed[key] if urn not in urns]
    if severed.get("propertyDependencies"):
        severed["propertyDependencies"] = {
            name: [urn for urn in found or () if urn not in urns]
            for name, found in severed["propertyDependencies"].items()
        }
    return severed


def _or_none(ask: Callable[[int], Any], number: int) -> Any:
    try:
        return ask(number)
    except APIException as error:
        if str(error.code) != "not_found":
            raise
        return None


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]
