"""What there is to restore from, and which of it is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

STAMP = "%Y-%m-%dT%H%M%SZ"
"""Of a dump's name, in UTC; names sort by it."""
_DUMP = re.compile(r"(?P<database>\w+)/(?P<name>\d{4}-\d\d-\d\dT\d{6}Z(?:-\w+)?)\.dump (?P<bytes>\d+)")
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
        return f"{self.name:<32}  {self.moment:%Y-%m-%d %H:%M:%S} UTC  {parts}"


def parse(listing: str) -> list[Source]:
    """The sources in a listing, oldest first.

    Lines are `<database>/<name>.dump <bytes>` and `<database>_before_<stamp> <bytes>`; others do not count.
    """
    found: dict[str, dict[str, int]] = {}
    for line in listing.splitlines():
        if known := _DUMP.fullmatch(line) or _ASIDE.fullmatch(line):
            found.setdefault(known["name"], {})[known["database"]] = int(known["bytes"])
    return sorted((Source(name, sizes) for name, sizes in found.items()), key=lambda source: source.moment)


def choose(sources: Iterable[Source], wanted: str, databases: Sequence[str]) -> Source:
    """The source that is meant: `latest`, `before`, a name, or the newest dump at or before a moment.

    Raises:
        NoSource: none is, or the moment is not one.
    """
    known = [source for source in sources if set(databases) <= source.bytes.keys()]
    dumps = [source for source in known if not source.aside]
    if wanted == "latest":
        meant = dumps[-1:]
    elif wanted == "before":
        meant = [source for source in known if source.aside][-1:]
    elif named := [source for source in known if source.name == wanted]:
        meant = named
    else:
        moment = _moment(wanted)
        meant = [source for source in dumps if source.moment <= moment][-1:]
    if not meant:
        there = "\n".join(f"  {source}" for source in known) or "  nothing"
        raise NoSource(f"FROM: got {wanted}; there is for {', '.join(databases)}:\n{there}")
    return meant[0]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NoSource(
            f"FROM: got {text}; must be latest, before, a dump's name, or a moment such as "
            f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00} (without FROM, what there is is listed)"
        ) from None
    if moment.tzinfo is None:
        raise NoSource(f"FROM: got {text}; must say of which time zone, such as {text}+00:00, or {text}Z")
    return moment
