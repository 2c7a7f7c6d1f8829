"""When the data of a stack were last kept: backups, what leaves the machine, and the drills of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from operations.checks.finding import Finding
from operations.status.moments import age, moment, of_epoch

WAITING_SECONDS = 300
"""For how long a part of the database's log may wait to leave the machine (`healthcheck.sh`)."""
DRILL_GRACE_DAYS = 2
"""By which a drill may be late (`healthcheck.sh`)."""


@dataclass(frozen=True)
class Kept:
    """One thing that is done again and again."""

    what: str
    last: datetime | None
    """When the last good one was; of a copy, its backup."""
    due: datetime | None
    """Until when the next one must be there; None: whenever."""
    trouble: str
    """Why a later one was not good, or what is wrong with it, in words."""
    broken: bool
    """Whether that alone is red."""

    def overdue(self, now: datetime) -> bool:
        """Whether it should have been there by now."""
        return self.due is not None and now > self.due


class Backups:
    """What the notes of the backups say, in lines `NAME CONTENT`; `variables` are their container's."""

    def __init__(self, notes: str, variables: Mapping[str, str], now: datetime) -> None:
        self._now = now
        self._notes = dict(line.split(" ", 1) for line in notes.splitlines() if " " in line)
        self._variables = variables
        self.all = list(self._each()) if variables else []

    def findings(self, stack: str) -> Iterator[Finding]:
        """What is not as it should be."""
        now = self._now
        for one in self.all:
            drill = one.what.startswith("drill")
            command = f"make drill STACK={stack} KIND={one.what.rpartition(' ')[2]}" if drill else ""
            remedy = (
                f"`{command}` makes one now (docs/runbook.md, A drill failed)"
                if drill
                else f"`docker logs --since 1h jira-{stack}-backup` says why "
                "(docs/runbook.md, The backup container is unhealthy)"
            )
            if one.broken:
                yield Finding(one.what, one.trouble, remedy)
            elif one.overdue(now):
                last = (
                    f"the last good one was {age((now - one.last).total_seconds())} ago" if one.last else ""
                )
                state = "; ".join(filter(None, (f"is overdue: {last or 'there is none'}", one.trouble)))
                yield Finding(one.what, state, remedy)

    def _each(self) -> Iterator[Kept]:
        within = timedelta(hours=float(self._variables.get("MAXIMUM_AGE_HOURS", 26)))
        yield self._made("backup", "status", "failure", within)
        if "RESTIC_REPOSITORY" in self._variables:
            damaged = "copies are damaged" if "offsite-damaged" in self._notes else ""
            yield self._made("copy off the machine", "offsite", "offsite-failure", within, damaged)
        if "MASKED_RULES" in self._variables:
            yield self._made("masked export", "masked", "masked-failure", within)
        if "ARCHIVE" in self._variables:
            rounds = timedelta(hours=3 * float(self._variables.get("INCREMENTAL_HOURS", 6)))
            yield self._made("backup with the log", "archive", "archive-failure", rounds)
            yield self._log()
        for kind in ("copies", "log"):
            if days := self._variables.get(f"DRILL_{kind.upper()}_DAYS"):
                yield self._drill(kind, timedelta(days=int(days) + DRILL_GRACE_DAYS))

    def _made(self, what: str, file: str, failure: str, within: timedelta, damaged: str = "") -> Kept:
        note = self._json(file)
        # A copy's age is that of the backup that it was made of.
        last = _of_name(note) or _of_epoch(note.get("finished"))
        reason = str(self._json(failure).get("reason") or "")
        trouble = damaged or (f"since then: {reason}" if reason else "")
        return Kept(what, last, last + within if last else None, trouble, bool(damaged))

    def _log(self) -> Kept:
        gap, waits = self._notes.get("archive-gap"), self._notes.get("waiting")
        since = _of_epoch(float(waits)) if waits else None
        waited = (self._now - since).total_seconds() if since else 0.0
        trouble = f"has a gap: {gap.strip()}" if gap else ""
        if not gap and waited >= WAITING_SECONDS:
            trouble = f"has been waiting for {age(waited)} to leave the machine"
        return Kept("log of the database", None, None, trouble, bool(trouble))

    def _drill(self, kind: str, within: timedelta) -> Kept:
        note = self._json(f"drill-{kind}")
        awaited = self._notes.get(f"drill-{kind}-awaited", "").strip()
        last = _of_epoch(note.get("good") or None)
        begun = _of_epoch(note.get("began") or (float(awaited) if awaited else None))
        failed = note.get("ok") is False
        trouble = f"failed: {note.get('reason')}" if failed else ""
        return Kept(f"drill of the {kind}", last, begun + within if begun else None, trouble, failed)

    def _json(self, file: str) -> Mapping[str, Any]:
        with suppress(ValueError):
            found = json.loads(self._notes.get(f"{file}.json", ""))
            if isinstance(found, dict):
                return found
        return {}


def _of_name(note: Mapping[str, Any]) -> datetime | None:
    with suppress(ValueError):
        return moment(str(note.get("name") or ""))
    return None


def _of_epoch(seconds: float | None) -> datetime | None:
    return of_epoch(float(seconds)) if seconds else None
