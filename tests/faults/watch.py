"""What is committed, and whether all is well, while a fault is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.row import Row
from tests.faults.writer import Writer
from tests.playbook.waiting import seconds_until


@dataclass
class Watch:
    """Of one row. A test tells when the fault strikes; that all is well again, and the count, come last."""

    row: Row
    writer: Writer
    sql: Callable[[str], str]
    """What the server answers its superuser, in the application's database."""
    whole: Callable[[], bool]
    """Whether the containers are healthy."""
    begun: int = 0
    _at: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.begun = len(self.writer.acknowledged)
        self._at = time.monotonic()

    def struck(self) -> None:
        """The fault strikes now; or ends now, if it is one that lasts."""
        self._at = time.monotonic()

    over = struck

    def healed(self, also: Callable[[], object] = lambda: True, limit: float = 300) -> None:
        """Waits until commits are acknowledged, the containers are healthy, and `also` holds."""

        def well() -> bool:
            return self.writer.since(asked) > 0 and self.whole() and bool(also())

        asked = time.monotonic()
        seconds_until("all is well again", well, limit, every=0.2)
        self.row.healthy = time.monotonic() - self._at

    def counted(self, happened: str, present: set[int] | None = None, lost_at: float | None = None) -> None:
        """Counts what is missing of all that was acknowledged; `present`: what there is, if not here.

        `lost_at`: when what is missing was lost; None: when the fault struck.
        """
        row = self.row
        with self.writer.resting():
            row.acknowledged = len(self.writer.acknowledged) - self.begun
            if present is None:
                present = self.present()
            missing = self.writer.missing(present)
        row.lost = len(missing)
        if missing:
            row.lost_seconds = (lost_at or self._at) - min(missing.values())
            for number in missing:  # once is enough
                del self.writer.acknowledged[number]
        row.happened = happened

    def present(self) -> set[int]:
        """What is in the database."""
        return {int(line) for line in self.sql("select n from acknowledged").split()}
