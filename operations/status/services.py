"""What runs of a stack: each container with its release, its health and its memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from operations.checks.finding import Finding
from operations.releases import IMAGES, short
from operations.status.moments import moment

_MEGABYTE = 1 << 20
AGAIN_AND_AGAIN = 3
"""So often was a container restarted that is told of, where the last time was within `FRESH_SECONDS`."""
FRESH_SECONDS = 600


@dataclass(frozen=True)
class Service:
    """A container that is wanted, or that runs beside those, as the one before does while it drains."""

    service: str
    container: str
    image: str
    """By its version, or the beginning of its id, with the beginning of its digest."""
    release: str
    """Which one that is, of an image of the application's; empty for others'."""
    state: str
    """Docker's word: `running`, `exited`, ...; `missing`."""
    health: str
    """Docker's word: `healthy`, `unhealthy`, `starting`; empty where nothing is checked."""
    restarts: int
    """By Docker, after an end that nobody asked for."""
    since: str
    """In UTC, as Docker writes it."""
    memory_mb: int | None
    """Without what can be had back, rounded up; None: not told."""
    limit_mb: int


class Services:
    """Those of a stack, of what `docker inspect` has printed and the stack's outputs and images say."""

    def __init__(
        self,
        inspected: Sequence[Mapping[str, Any]],
        digests: Mapping[str, Sequence[str]],
        memory: Mapping[str, int],
        given: Mapping[str, Any],
        wanted: Mapping[str, str],
        pulled: Sequence[str] = (),
    ) -> None:
        """`digests` by an image's id, `memory` in bytes by a container's; `wanted` names by service.

        `pulled` are references with digests, which tell the versions.
        """
        self._digests, self._memory = digests, memory
        self._good: Mapping[str, str] = given.get("last_good") or {}
        self._versions = {one.partition("@")[2]: one for one in (*pulled, *self._good.values())}
        self._releases = [one["images"] for one in given.get("releases") or [] if isinstance(one, dict)]
        there = {str(one["Name"]).lstrip("/"): one for one in inspected}
        names = {name: service for service, name in wanted.items()}
        beside = {
            name: str(one["Config"]["Labels"].get("jira-plus-plus.service", ""))
            for name, one in there.items()
            if name not in names and one["State"]["Status"] == "running"
        }
        self.all = [
            self._service(service, name, there.get(name)) for name, service in {**names, **beside}.items()
        ]
        """Those that are wanted, then what runs beside them."""
        self._wanted = frozenset(names)

    def findings(self, stack: str, now: datetime) -> Iterator[Finding]:
        """What is not well though each is healthy."""
        for one in self.all:
            fresh = one.since and (now - moment(one.since)).total_seconds() < FRESH_SECONDS
            if one.restarts >= AGAIN_AND_AGAIN and fresh:
                yield Finding(
                    one.container,
                    f"was restarted {one.restarts} times, the last time at {moment(one.since):%H:%M} UTC",
                    f"`docker logs --since 10m {one.container}` says why "
                    "(docs/runbook.md, A container is unhealthy)",
                )
            if one.release == STRANGE and one.container in self._wanted:
                yield Finding(
                    one.container,
                    f"runs {one.image}, which is not the last good release",
                    f"`make releases STACK={stack}` tells how its release ended "
                    "(docs/runbook.md, A release fails its smoke check)",
                )

    def _service(self, service: str, name: str, found: Mapping[str, Any] | None) -> Service:
        if found is None:
            return Service(service, name, "", "", "missing", "", 0, "", None, 0)
        state, used = found["State"], self._memory.get(str(found["Id"]))
        known = self._digests.get(str(found["Image"]), ())
        return Service(
            service,
            name,
            self._shown(known, str(found["Image"])),
            self._release(service, known) if service in IMAGES else "",
            str(state["Status"]),
            str((state.get("Health") or {}).get("Status") or "").replace("none", ""),
            int(found.get("RestartCount") or 0),
            str(state.get("StartedAt") or ""),
            None if used is None else -(-max(used, 0) // _MEGABYTE),
            int(found["HostConfig"].get("Memory") or 0) // _MEGABYTE,
        )

    def _shown(self, known: Sequence[str], image: str) -> str:
        references = [one.partition("@")[2] for one in known]
        named = next((self._versions[one] for one in references if one in self._versions), "")
        return short(named) if named else (*references, image)[0].removeprefix("sha256:")[:12]

    def _release(self, service: str, known: Sequence[str]) -> str:
        """Which of the good releases has the image; empty where none was recorded, or by no digest."""

        def has(images: Mapping[str, str]) -> bool:
            digest = images.get(service, "").partition("@")[2]
            return bool(digest) and any(reference.endswith(digest) for reference in known)

        if "@" not in self._good.get(service, "") or not known:
            return ""
        if has(self._good):
            return "last good"
        before = [number for number, images in enumerate(self._releases) if has(images)]
        return f"good, {before[0]} before" if before else STRANGE


STRANGE = "not recorded as good"


def digests(printed: str) -> dict[str, list[str]]:
    """Of lines `ID ["REPOSITORY@DIGEST", ...]`: the references by id."""
    found = {}
    for line in printed.splitlines():
        image, _, references = line.partition(" ")
        if re.match(r"\[|null", references):
            found[image] = json.loads(references) or []
    return found
