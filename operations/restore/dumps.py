"""What there is to restore from, and which of it is meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from components.services.postgres import DATABASES

STAMP = "%Y-%m-%dT%H%M%SZ"
"""Of a dump's name, in UTC; names sort by it."""
_DUMP = re.compile(r"(?P<database>\w+)/(?P<name>\d{4}-\d\d-\d\dT\d{6}Z(?:-\w+)?)\.dump (?P<bytes>\d+)")
_CLUSTER = re.compile(r"cluster (?P<identity>\d+)")
_POINT = re.compile(r"point (?P<name>\S+) (?P<epoch>[\d.]+) (?P<cluster>\d+)")
_ASIDE = re.compile(r"(?P<database>\w+?)_(?P<name>before_\d{8}t\d{6}z) (?P<bytes>\d+)")


class NoSource(Exception):
    """What is asked for is not there; the message says what is."""


@dataclass(frozen=True)
class Source:
    """What some databases can be made from: a run of the backup, or what an earlier restore has set aside."""

    name: str
    """A dump's name without its ending, or `before_<stamp>`."""
    bytes: dict[str, int]
    """The size of each database's part."""
    away: bool = False
    """Whether it is off the machine alone, and must be fetched."""
    cluster: str = ""
    """Of what is or was off the machine: the identity of its cluster."""
    former: bool = False
    """Whether it is of another cluster than the one that serves: of a stack that was here before."""
    target: str = ""
    """Of a moment in the archive of a cluster's log: up to where it is replayed, `newest` for its end."""

    @property
    def aside(self) -> bool:
        """Whether these are databases, and no dumps."""
        return self.name.startswith("before_")

    @property
    def moment(self) -> datetime:
        """When it was what was served."""
        if self.aside:
            return datetime.strptime(self.name.upper(), "BEFORE_%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.strptime(self.name[:18], STAMP).replace(tzinfo=UTC)

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {size / 2**20:.1f} MB" for name, size in sorted(self.bytes.items()))
        if self.target:
            return f"{self.name:<32}  {self.moment:%Y-%m-%d %H:%M:%S} UTC  in the archive of the log"
        where = " (off the machine)" if self.away else ""
        whose = f", of a former cluster ({self.cluster})" if self.former else ""
        return f"{self.name:<32}  {self.moment:%Y-%m-%d %H:%M:%S} UTC  {parts}{where}{whose}"


def parse(listing: str) -> list[Source]:
    """The sources in a listing, oldest first.

    Lines are `<database>/<name>.dump <bytes>`, `<database>_before_<stamp> <bytes>`, `cluster <identity>`,
    `point <name> <epoch> <cluster>` and the list of snapshots as restic's JSON, in one; others do not count.
    """
    here: dict[str, dict[str, int]] = {}
    away: dict[str, Source] = {}
    points: list[Source] = []
    identity = ""
    for line in listing.splitlines():
        if known := _DUMP.fullmatch(line) or _ASIDE.fullmatch(line):
            here.setdefault(known["name"], {})[known["database"]] = int(known["bytes"])
        elif known := _CLUSTER.fullmatch(line):
            identity = known["identity"]
        elif known := _POINT.fullmatch(line):
            target = f"{datetime.fromtimestamp(float(known['epoch']), UTC):%Y-%m-%d %H:%M:%S.%f}+00"
            sizes = dict.fromkeys(DATABASES, 0)
            points.append(Source(known["name"], sizes, cluster=known["cluster"], target=target))
        elif line.startswith("["):
            away = {source.name: source for source in map(_copy, json.loads(line))}
    former = {name: source.cluster for name, source in away.items() if source.cluster != identity}
    found = [
        Source(name, sizes, cluster=former.get(name, ""), former=name in former)
        for name, sizes in here.items()
    ]
    found += [replace(source, former=name in former) for name, source in away.items() if name not in here]
    found += [point for point in points if point.name not in here and point.cluster == identity]
    return sorted(found, key=lambda source: source.moment)


def _copy(snapshot: Mapping[str, Any]) -> Source:
    """What offsite.sh has made: its name and the databases' sizes are tags, its cluster is the host."""
    tags = dict(tag.partition("=")[::2] for tag in snapshot["tags"])
    sizes = {name: int(size) for name, size in tags.items() if name in DATABASES}
    return Source(tags["name"], sizes, away=True, cluster=snapshot["hostname"])


def choose(sources: Iterable[Source], wanted: str, databases: Sequence[str]) -> Source:
    """The source that is meant: `latest`, `before`, `former`, a name, or the newest dump before a moment.

    Raises:
        NoSource: none is, or the moment is not one.
    """
    known = [source for source in sources if set(databases) <= source.bytes.keys()]
    dumps = [source for source in known if not source.aside and not source.former and not source.target]
    if wanted == "latest":
        # What was made of a moment is there for who has asked for it.
        meant = [source for source in dumps if not source.name.endswith("-moment")][-1:]
    elif wanted == "before":
        meant = [source for source in known if source.aside][-1:]
    elif wanted == "former":
        meant = [source for source in known if source.former][-1:]
    elif named := [source for source in known if source.name == wanted]:
        meant = named
    else:
        moment = moment_of(wanted)
        meant = [source for source in dumps if source.moment <= moment][-1:]
    if not meant:
        there = "\n".join(f"  {source}" for source in known) or "  nothing"
        raise NoSource(f"FROM: got {wanted}; there is for {', '.join(databases)}:\n{there}")
    return meant[0]


def moment_of(text: str) -> datetime:
    """The moment that a text says, with its time zone.

    Raises:
        NoSource: it says none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NoSource(
            f"FROM: got {text}; must be latest, before, former, a dump's name, or a moment such as "
            f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00} (without FROM, what there is is listed)"
        ) from None
    if moment.tzinfo is None:
        raise NoSource(f"FROM: got {text}; must say of which time zone, such as {text}+00:00, or {text}Z")
    return moment
