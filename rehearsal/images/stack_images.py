"""The images of a rehearsed stack: from the registries in its file, or built here where none answers."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Collection
from functools import partial
from typing import Any

from components.settings.images import LOGS, MONITORING
from operations.beside import Part
from rehearsal.images import ImageError, builder, registry
from rehearsal.images.catalogue import IMAGES as IMAGES_HERE
from rehearsal.machines.docker.machines import IMAGES

APPLICATION = ("api", "worker", "web")
"""What is always built here: Jira++'s own images exist only where its release build put them."""
BUILT = (
    "postgres",
    "temporal",
    "temporal_admin_tools",
    "temporal_ui",
    "traefik",
    "socket_proxy",
    "autoheal",
    "watchtower",
)
LEAVING = {"offsite": "restic", "point_in_time": "postgres_archiving"}
"""What is built besides where something goes off the machine, by its key under `backup`."""
SHOWING = ("grafana",)
"""Likewise where metrics are shown by it."""
OWN = ("postgres_archiving",)
"""The project's own, made of the user's copy of it."""
NEXT_MIGRATION = "003_due_dates.sql"
"""What the application's next release has more."""
PUBLIC_REGISTRY = "https://registry-1.docker.io/v2/"
PATIENCE_SECONDS = 3
_SERVICES = {"jira-plus-plus:services": {"web": {"command": ["node", "dist/web.js"]}}}
"""The application's stand-in is one image, so web needs its command."""


def fragment(
    say: builder.Say,
    server_image: str | None = None,
    leaving: Collection[str] = (),
    *,
    monitored: bool = False,
    logged: bool = False,
    shown: bool = False,
) -> dict[str, Any]:
    """Builds and pushes what cannot be pulled; returns what to lay over the stack file.

    What a server boots from is built for `server_image` alone, the name that Hetzner has for it; the storage
    elsewhere, where something of the stack's goes off the machine (`leaving`, keys of `LEAVING`), and what
    makes metrics or keeps logs for one that has them (`monitored`, `logged`), and shows them (`shown`).

    Raises:
        ImageError: an image could not be built, or the registry on this machine did not take it.
    """
    besides = tuple(LEAVING[name] for name in leaving)
    if reachable(PUBLIC_REGISTRY):
        names = tuple(name for name in besides if name in OWN)
        say("images: pulled from the registries of the stack file; the application is built here")
    else:
        names = (
            *(*BUILT, *besides),
            *(MONITORING if monitored else ()),
            *(LOGS if logged else ()),
            *(SHOWING if shown else ()),
        )
        say("images: no public registry answers, so they are built here")
    wanted = (*names, "application")
    pushed: dict[str, str] = {}

    def push(name: str) -> None:
        pushed.update(registry.push((name,), lambda _: None))

    pushes = [
        Part(f"push {name}", "push", partial(push, name), frozenset({name, "registry"})) for name in wanted
    ]
    storage = ("s3",) if leaving else ()
    machine = (IMAGES[server_image],) if server_image in IMAGES else ()
    builder.build((*wanted, *machine, *storage, "registry"), builder.only_work(say), pushes)
    images = {name: pushed[name] for name in names} | dict.fromkeys(APPLICATION, pushed["application"])
    return {"config": {"jira-plus-plus:images": images} | _SERVICES}


def next_postgres(name: str, major: str, say: builder.Say) -> str:
    """Builds and pushes the database's image `name` (as under `images`) of that major version; its reference.

    Raises:
        ImageError: there is none of that version here, or it could not be built or pushed.
    """
    wanted = f"{name}_{major}"
    if wanted not in {known.name for known in IMAGES_HERE}:
        there = ", ".join(
            known.name.removeprefix(f"{name}_") for known in IMAGES_HERE if known.name.startswith(f"{name}_")
        )
        raise ImageError(f"TO: got {major}; of {name} this machine can build {there}")
    builder.build((wanted, "registry"), builder.only_work(say))
    return registry.push((wanted,), lambda _: None)[wanted]


def next_application(say: builder.Say) -> dict[str, str]:
    """Builds and pushes the application's next release; its references, as under `images`.

    Raises:
        ImageError: it could not be built or pushed.
    """
    builder.build(("application_next", "registry"), builder.only_work(say))
    reference = registry.push(("application_next",), lambda _: None)["application_next"]
    return dict.fromkeys(APPLICATION, reference)


def preliminary() -> dict[str, Any]:
    """What to lay over the stack file before the images are made: the same services, the file's images."""
    return {"config": _SERVICES}


def reachable(url: str) -> bool:
    """Whether anything answers there, be it a refusal."""
    try:
        urllib.request.urlopen(url, timeout=PATIENCE_SECONDS).close()
    except urllib.error.HTTPError as error:
        return error.code in (
            200,
            401,
        )  # a registry asks who we are; a gateway on the way says something else
    except OSError:
        return False
    return True
