"""Which server a stack gets, in view of what stands at Hetzner: its type, and whether it may be had there.

The settings say what is wanted. What runs wins where only a sold-out type made the difference, and a wish
that Hetzner would refuse halfway, or that would cost the data, is refused before anything is changed.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.host.api import Access
from components.host.labels import prefix
from components.settings.catalogue import SERVER_TYPES
from components.settings.host import Host
from components.settings.problem import Problem, SettingsError

LABEL = "in-place-of"
"""Of a server: the type of the settings that was sold out when it was ordered."""
REFUSED = "JIRA_PLUS_PLUS_REFUSED_SERVER_TYPES"
"""Variable of the environment: the types, by comma, that Hetzner has refused in this run of the runner."""
ANEW = "JIRA_PLUS_PLUS_SERVER_ANEW"
"""Variable of the environment that is set where the run makes the server anew."""


@dataclass(frozen=True)
class Order:
    """A server type, and the one of the settings that it stands in for, if it does."""

    server_type: str
    in_place_of: str | None = None


def order(
    settings: Host, stack: str, hetzner: Access, environment: Mapping[str, str] = os.environ
) -> tuple[Order, list[str]]:
    """The order, and what a person must know of it.

    Raises:
        SettingsError: what stands at Hetzner does not allow it.
        pulumi.RunError: Hetzner cannot be asked.
    """
    for volume in hetzner.list("volumes", name=f"{prefix(stack)}-data"):
        _stays_where_it_is(settings, stack, volume)
    servers = hetzner.list("servers", name=prefix(stack))
    wanted = settings.server_type
    if not servers or environment.get(ANEW):
        return _new(settings, hetzner, environment.get(REFUSED, "").split(","))
    (server,) = servers
    runs = server["server_type"]["name"]
    if runs == wanted:
        return Order(wanted), []
    if (server.get("labels") or {}).get(LABEL) == wanted:
        words = (
            f"the server of {stack} is a {runs}, ordered in place of {wanted} (host.server_type), which was "
            f"sold out, and stays one; `make replace STACK={stack}` tries {wanted} again"
        )
        return Order(runs, wanted), [words]
    _can_become(settings, stack, server, hetzner)
    return Order(wanted), []


def _new(settings: Host, hetzner: Access, refused: Sequence[str]) -> tuple[Order, list[str]]:
    """The first of the types that Hetzner has, or else the first that it has not refused yet."""
    wanted = settings.server_type
    types = [name for name in (wanted, *settings.server_type_fallbacks) if name not in refused]
    there = _available(hetzner, settings.location)
    chosen = next((name for name in types if there.get(name, True)), types[0] if types else wanted)
    if chosen == wanted:
        return Order(wanted), []
    words = f"host.server_type {wanted} is sold out at {settings.location}; {chosen} is ordered in its place"
    return Order(chosen, wanted), [words]


def _available(hetzner: Access, location: str) -> dict[str, bool]:
    """By name, as far as Hetzner says; now and then it refuses what it says it has."""
    return {
        kind["name"]: bool(place["available"])
        for kind in hetzner.list("server_types")
        for place in kind.get("locations") or []
        if place["name"] == location and "available" in place
    }


def _can_become(settings: Host, stack: str, server: Mapping[str, Any], hetzner: Access) -> None:
    """A change of type switches the server off first, and only then Hetzner looks whether it can be."""
    wanted, runs = SERVER_TYPES[settings.server_type], server["server_type"]["name"]
    disk, processor = int(server["primary_disk_size"]), server["server_type"]["architecture"]
    another = f"{processor} with {disk} GB of disk or more, or `make replace STACK={stack}`: another server"
    if wanted.architecture != processor:
        what, remedy = f"is {wanted.architecture}, and the server is {processor}", f"use a type of {another}"
    elif wanted.disk_gb < disk:
        what = f"has a disk of {wanted.disk_gb} GB, and the server has one of {disk} GB, which cannot shrink"
        remedy = f"use {runs}, which it is, a type of {another}"
    elif not _available(hetzner, settings.location).get(wanted.name, True):
        what = f"is sold out at {settings.location}, and the server would be switched off for nothing"
        remedy = f"use {runs}, which it is, and try again later"
    else:
        return
    raise SettingsError([Problem("host.server_type", f'"{wanted.name}"', what, remedy)])


def _stays_where_it_is(settings: Host, stack: str, volume: Mapping[str, Any]) -> None:
    """No volume moves: at another location there would be a new one, and this one would be deleted."""
    there = volume["location"]["name"]
    if there != settings.location:
        what = f"is not {there}, where the volume with the data of {stack} is; a deploy would delete it"
        remedy = f"write {there}; to move for good see docs/runbook.md, Move to another location"
        raise SettingsError([Problem("host.location", f'"{settings.location}"', what, remedy)])
