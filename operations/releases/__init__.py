"""The releases of a stack: Pulumi's history of its updates, with what the stack recorded as good.

The history has every update, a failed one too, with the settings that it was given: images are named there as
the stack file named them. What was checked and found good, and by which digest, the stack's own outputs say
(`components/services/releases.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from components.reference import OURS, pinned
from operations import durations
from operations.deployment import PROJECT, Deployment
from operations.summary import outputs

IMAGES = OURS
"""What makes a release (`components/services/releases.py`)."""
Images = Mapping[str, str]
"""References of `IMAGES`, by their name in the stack file."""


@dataclass(frozen=True)
class Update:
    """An update that was given other images than the one before it, or that failed. Times are in UTC."""

    number: int | None
    """Of the run in the stack's history; None: it is not there any more, and the stack has recorded it."""
    started: datetime
    ended: datetime | None
    result: str
    """`succeeded`, `failed`, `in-progress`; also `recorded`."""
    who: str
    """The author of the commit that it was run from; empty: it was run from none."""
    images: Images
    good: bool = False
    """Whether it was recorded as good, or succeeded, which it does not without that."""


@dataclass(frozen=True)
class Releases:
    """Of one stack."""

    updates: Sequence[Update]
    """The newest first."""
    last_good: Images
    """Empty: none was recorded yet."""
    running: Images
    """What the state's containers are made of."""

    @classmethod
    def of(cls, deployment: Deployment) -> Releases:
        """As the state and its backend tell, which take two runs of the engine."""
        resources = deployment.resources()
        given = outputs(resources)
        recorded = [
            entry for entry in given.get("releases") or [] if isinstance(entry, dict) and "images" in entry
        ]
        runs = deployment.open().history(show_secrets=False)
        history = [
            Update(
                # Only Pulumi Cloud numbers them, and in the same way: from the first run of the stack on.
                number=summary.version or len(runs) - at,
                started=summary.start_time.replace(tzinfo=UTC),
                ended=summary.end_time.replace(tzinfo=UTC) if summary.end_time else None,
                result=summary.result,
                who=str(summary.environment.get("git.author") or ""),
                images=_images(summary.config),
            )
            for at, summary in enumerate(runs)
            if summary.kind == "update"
        ]
        last_good = given.get("last_good") or {}
        return cls(tuple(_told(history, recorded, last_good)), last_good, running(resources))

    def sets(self) -> Iterator[Images]:
        """The sets of images that were good, each once, the newest first."""
        seen: list[Images] = []
        good = (update.images for update in self.updates if update.good)
        for images in (self.last_good, *good):
            if images and not any(same(images, other) for other in seen):
                seen.append(images)
                yield images

    def table(self) -> str:
        """In words: when, what, who, how long, how it ended."""
        rows = [
            (
                str(update.number or "-"),
                f"{update.started:%Y-%m-%d %H:%M}",
                _lasted(update),
                update.result + (", good" if update.good else ""),
                update.who or "-",
                ", ".join(f"{name} {short(update.images.get(name, '-'))}" for name in IMAGES),
                " ".join(self._marks(update)),
            )
            for update in self.updates
        ]
        header = ("no", "UTC", "took", "ended", "commit by", "images", "")
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (header, *rows)
        ]
        if self.running and not any("runs" in row[-1] for row in rows):
            mixed = ", ".join(f"{name} {short(self.running.get(name, '-'))}" for name in IMAGES)
            lines.append(f"what runs is none of these: {mixed}")
        return "\n".join(lines)

    def _marks(self, update: Update) -> Iterator[str]:
        """Of rows with the same images the newest has the mark."""
        for mark, images in (("runs", self.running), ("last good", self.last_good)):
            fitting = [other for other in self.updates if same(other.images, images)]
            if mark == "last good":
                fitting = [other for other in fitting if other.good]
            if images and fitting and fitting[0] is update:
                yield f"<- {mark}"


def same(one: Images, other: Images) -> bool:
    """Whether both are the same images, as far as both have digests."""
    return all(same_image(one.get(name, ""), other.get(name, "")) for name in IMAGES)


def same_image(one: str, other: str) -> bool:
    """Whether both references are of one image, as far as both have digests."""
    if "@" in one and "@" in other:
        return one.partition("@")[2] == other.partition("@")[2]
    return one.partition("@")[0] == other.partition("@")[0]


def running(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the containers in the state are made of, with digests where they have them."""
    known = references(resources)
    return {
        name: known.get(r["inputs"]["image"], str(r["inputs"]["image"]))
        for r in resources
        if r["type"] == "docker:index/container:Container" and not r.get("delete")
        for name in IMAGES
        if r["urn"].endswith(f"::{name}")
    }


def references(resources: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Of each image in the state, by its id."""
    return {
        r["outputs"]["imageId"]: pinned(r["inputs"]["name"], r["outputs"].get("repoDigest") or "")
        for r in resources
        if r["type"] == "docker:index/remoteImage:RemoteImage" and r.get("outputs", {}).get("imageId")
    }


def short(reference: str) -> str:
    """The version and the beginning of the digest: `1.0.0@a1b2c3d4`."""
    name, _, digest = reference.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2] or name
    return f"{tag}@{digest.removeprefix('sha256:')[:8]}" if digest else tag


def _images(config: Mapping[str, Any]) -> dict[str, str]:
    value = config.get(f"{PROJECT}:images")
    found = json.loads(value.value) if value and not value.secret else {}
    return {name: str(found[name]) for name in IMAGES if name in found}


def _told(
    history: Sequence[Update], recorded: Iterable[Mapping[str, Any]], last_good: Images
) -> Iterator[Update]:
    """The newest first: those that changed an image or failed, and what was recorded beside them."""
    left = [(_moment(entry.get("when")), entry["images"]) for entry in recorded]
    found: list[Update] = []
    for at, update in enumerate(history):
        before = history[at + 1] if at + 1 < len(history) else None
        if not update.images or (
            before and before.result == "succeeded" == update.result and before.images == update.images
        ):
            continue
        mine = [
            (when, images)
            for when, images in left
            if same(images, update.images) and update.started - _CLOCKS <= when <= _end(update) + _CLOCKS
        ]
        left = [entry for entry in left if entry not in mine]
        # One that succeeded has recorded its release, or was one that is recorded already. It may miss in the
        # list: that has an end, and where containers are recorded only nothing is printed.
        good = bool(mine) or update.result == "succeeded"
        images = mine[0][1] if mine else update.images
        if not mine and same(images, last_good):
            images = last_good
        found.append(replace(update, images=images, good=good))
    found += [Update(None, when, None, "recorded", "", images, good=True) for when, images in left]
    yield from sorted(found, key=lambda update: update.started, reverse=True)


_CLOCKS = timedelta(minutes=1)
"""How far the server's clock and that of a machine that deploys may be apart."""


def _end(update: Update) -> datetime:
    return update.ended or datetime.now(UTC)


def _moment(when: object) -> datetime:
    return datetime.strptime(str(when), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _lasted(update: Update) -> str:
    if update.ended is None:
        return "-"
    return durations.clock((update.ended - update.started).total_seconds())
