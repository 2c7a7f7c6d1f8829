"""Which server a stack gets, in view of what stands at Hetzner: its type, and whether it may be had there.

The settings say what is wanted. What runs wins where only a sold-out type made the difference, and a wish
that Hetzner would refuse halfway, or that would cost the data, is refused before anything is changed.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pulumi

from components.clouds import Api, Unreachable
from components.host.labels import prefix
from components.host.variables import ANEW, REFUSED
from components.settings.host import Host
from components.settings.problem import Problem, SettingsError

LABEL = "in-place-of"
"""Of a server: the type of the settings that was sold out when it was ordered."""


@dataclass(frozen=True)
class Order:
    """A server type, and the one of the settings that it stands in for, if it does."""

    server_type: str
    in_place_of: str | None = None


def order(
    settings: Host, stack: str, hetzner: Api, environment: Mapping[str, str] = os.environ
) -> tuple[Order, list[str]]:
    """The order, and what a person must know of it.

    Raises:
        SettingsError: what stands at Hetzner does not allow it.
        pulumi.RunError: Hetzner cannot be asked.
    """
    for volume in listed(hetzner, "volumes", name=f"{prefix(stack)}-data"):
        _stays_where_it_is(settings, stack, volume)
    servers = listed(hetzner, "servers", name=prefix(stack))
    wanted = settings.server_type
    if not servers or environment.get(ANEW):
        return _new(settings, hetzner, environment.get(REFUSED, "").split(","))
    (server,), told = servers, list[str]()
    runs = server["server_type"]["name"]
    if server["status"] == "off":
        told.append(f"the server of {stack} is off; `make deploy STACK={stack}` switches it on")
    if runs == wanted:
        return Order(wanted), told
    if (server.get("labels") or {}).get(LABEL) == wanted:
        words = (
            f"the server of {stack} is a {runs}, ordered in place of {wanted} (host.server_type), which was "
            f"sold out, and stays one; `make replace STACK={stack}` tries {wanted} again"
        )
        return Order(runs, wanted), [*told, words]
    _can_become(settings, stack, server, hetzner)
    return Order(wanted), told


def _new(settings: Host, hetzner: Api, refused: Sequence[str]) -> tuple[Order, list[str]]:
    """The first of the types that Hetzner has, or else the first that it has not refused yet."""
    wanted = settings.server_type
    types = [name for name in (wanted, *settings.server_type_fallbacks) if name not in refused]
    there = _available(listed(hetzner, "server_types"), settings.location)
    chosen = next((name for name in types if there.get(name, True)), types[0] if types else wanted)
    if chosen == wanted:
        return Order(wanted), []
    words = f"host.server_type {wanted} is sold out at {settings.location}; {chosen} is ordered in its place"
    return Order(chosen, wanted), [words]


def _available(kinds: Sequence[Mapping[str, Any]], location: str) -> dict[str, bool]:
    """By name, as far as Hetzner says; now and then it refuses what it says it has."""
    return {
        kind["name"]: bool(place["available"])
        for kind in kinds
        for place in kind.get("locations") or []
        if place["name"] == location and "available" in place
    }


def _can_become(settings: Host, stack: str, server: Mapping[str, Any], hetzner: Api) -> None:
    """A change of type switches the server off first, and only then Hetzner looks whether it can be."""
    name, runs = settings.server_type, server["server_type"]["name"]
    disk, processor = int(server["primary_disk_size"]), server["server_type"]["architecture"]
    another = f"{processor} with {disk} GB of disk or more, or `make replace STACK={stack}`: another server"
    kinds = listed(hetzner, "server_types")
    wanted = next((kind for kind in kinds if kind["name"] == name), None)
    if wanted is None:
        what, remedy = "is no server type of Hetzner's (any more)", f"use {runs}, which it is"
    elif wanted["architecture"] != processor:
        what = f"is {wanted['architecture']}, and the server is {processor}"
        remedy = f"use a type of {another}"
    elif wanted["disk"] < disk:
        what = f"has a disk of {wanted['disk']} GB, and the server has one of {disk} GB, which cannot shrink"
        remedy = f"use {runs}, which it is, a type of {another}"
    elif not _available(kinds, settings.location).get(name, True):
        what = f"is sold out at {settings.location}, and the server would be switched off for nothing"
        remedy = f"use {runs}, which it is, and try again later"
    else:
        return
    raise SettingsError([Problem("host.server_type", f'"{name}"', what, remedy)])


def _stays_where_it_is(settings: Host, stack: str, volume: Mapping[str, Any]) -> None:
    """No volume moves: at another location there would be a new one, and this one would be deleted."""
    there = volume["location"]["name"]
    if there != settings.location:
        what = f"is not {there}, where the volume with the data of {stack} is; a deploy would delete it"
        remedy = f"write {there}; to move for good see docs/runbook.md, Move to another location"
        raise SettingsError([Problem("host.location", f'"{settings.location}"', what, remedy)])


def listed(hetzner: Api, kind: str, **query: str) -> list[Mapping[str, Any]]:
    """Hetzner's objects of a kind, such as `servers`, that match: one page, of at most 50.

    Without a token nobody is asked.

    Raises:
        pulumi.RunError: Hetzner refuses, or does not answer.
    """
    if not hetzner.token:
        return []
    try:
        answer = hetzner.ask(f"/{kind}?{urlencode({**query, 'per_page': '50'})}")
    except Unreachable as failure:
        raise pulumi.RunError(
            f"{failure}: what stands there decides what may be done; nothing was changed"
        ) from None
    if not answer.found:
        raise pulumi.RunError(
            f"Hetzner refuses to list its {kind} (HTTP {answer.status}); nothing was changed"
        )
    return list(answer.body[kind])
