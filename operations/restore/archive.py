"""The database's log off the machine: of which moments it has what was served."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.restore.dumps import STAMP, NoSource, Source, choose, moment_of

MEGABYTE = 2**20
_ARCHIVE = re.compile(r"^archive (\d+) (\d+) (\d+) (\d+)$", re.MULTILINE)
_CLUSTER = re.compile(r"^cluster (\d+)$", re.MULTILINE)
_FORMER = re.compile(r"former(?:-(\d+))?")
BRIEF = timedelta(days=1)
"""One that was there for less may be what a recover made, and did not fill before it was cut short."""


@dataclass(frozen=True)
class Archive:
    """Of one cluster; every moment between two can be had back."""

    cluster: str
    oldest: datetime
    newest: datetime
    """Of what has left the machine; the present cluster's follows within a minute."""
    bytes: int
    """Of the cluster, as the newest backup of it has it."""
    former: bool = False
    """Whether it is of another cluster than the one that serves: of a stack that was here before."""

    def holds(self, moment: datetime) -> bool:
        """Whether that moment can be had back."""
        return self.oldest <= moment <= (self.newest if self.former else datetime.now(UTC))

    def at(self, moment: datetime, databases: Sequence[str]) -> Source:
        """What was served then."""
        return self._source(moment, f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00", databases)

    def end(self, databases: Sequence[str]) -> Source:
        """What was served last."""
        return self._source(self.newest, "newest", databases)

    def _source(self, moment: datetime, target: str, databases: Sequence[str]) -> Source:
        return Source(
            f"{moment.astimezone(UTC).strftime(STAMP)}-moment",
            dict.fromkeys(databases, self.bytes),
            cluster=self.cluster,
            former=self.former,
            target=target,
        )

    def __str__(self) -> str:
        whose = f", of a former cluster ({self.cluster})" if self.former else ""
        span = f"{self.oldest:%Y-%m-%d %H:%M:%S} to {self.newest:%Y-%m-%d %H:%M:%S} UTC"
        return f"any moment from {span}, {self.bytes / MEGABYTE:.1f} MB (off the machine){whose}"


def archives(listing: str) -> list[Archive]:
    """Those in a listing, the one that ends first before the others.

    Lines are `archive <identity> <oldest> <newest> <megabytes>`, with moments in seconds of the epoch, and
    `cluster <identity>` for the one that serves; others do not count.
    """
    own = _CLUSTER.search(listing)
    found = [
        Archive(
            identity,
            datetime.fromtimestamp(int(oldest), UTC),
            datetime.fromtimestamp(int(newest), UTC),
            int(megabytes) * MEGABYTE,
            former=own is None or own[1] != identity,
        )
        for identity, oldest, newest, megabytes in _ARCHIVE.findall(listing)
    ]
    return sorted(found, key=lambda archive: archive.newest)


def meant(
    sources: Sequence[Source], archives: Sequence[Archive], wanted: str, databases: Sequence[str]
) -> Source:
    """The source that is meant, of dumps and of archives: `former` is what was served last, by either.

    `former-<identity>` is what that cluster served last.

    Raises:
        NoSource: none is, or the moment is not one, or it cannot be told which former cluster is meant.
    """
    if known := _FORMER.fullmatch(wanted):
        return _former(sources, archives, databases, known[1])
    if re.match(r"\d{4}-\d\d-\d\dT\d\d:", wanted):
        moment = moment_of(wanted)
        # The present one's first: a former one may have ended later than it began.
        for archive in sorted(archives, key=lambda archive: archive.former):
            if archive.holds(moment):
                return archive.at(moment, databases)
    return choose(sources, wanted, databases)


def _former(
    sources: Sequence[Source], archives: Sequence[Archive], databases: Sequence[str], identity: str | None
) -> Source:
    """What was served last by the former cluster of that identity; without one, by the last of them.

    Raises:
        NoSource: there is none, or the last was there so briefly that an earlier one may be meant.
    """
    logs = [archive for archive in archives if archive.former]
    copies = [source for source in sources if source.cluster and source.former]
    copies = [source for source in copies if set(databases) <= source.bytes.keys()]
    ends: dict[str, Source] = {}
    begins: dict[str, datetime] = {}
    for source in (*(log.end(databases) for log in logs), *copies):
        if source.cluster not in ends or source.moment > ends[source.cluster].moment:
            ends[source.cluster] = source
    for cluster, moment in (
        *((log.cluster, log.oldest) for log in logs),
        *((source.cluster, source.moment) for source in copies),
    ):
        begins[cluster] = min(begins.get(cluster, moment), moment)
    if identity in ends:
        return ends[identity]
    if identity:
        raise NoSource(f"FROM: got former-{identity}; is none of {', '.join(sorted(ends)) or 'no clusters'}")
    if not ends:
        return choose(sources, "former", databases)  # which says what there is
    last = max(ends.values(), key=lambda source: source.moment)
    there = {cluster: source.moment - begins[cluster] for cluster, source in ends.items()}
    if there[last.cluster] < BRIEF and any(
        span >= there[last.cluster] for cluster, span in there.items() if cluster != last.cluster
    ):
        known = "\n".join(
            f"  FROM=former-{cluster}  {begins[cluster]:%Y-%m-%d %H:%M:%S} to "
            f"{source.moment:%Y-%m-%d %H:%M:%S} UTC, {max(source.bytes.values()) / MEGABYTE:.1f} MB"
            for cluster, source in sorted(ends.items(), key=lambda end: end[1].moment)
        )
        raise NoSource(
            "FROM: got former; the last of the former clusters was there for "
            f"{there[last.cluster].total_seconds() / 60:.0f} minutes only, as one is that a recover has made "
            f"and not filled before it was cut short. Say which:\n{known}"
        )
    return last
