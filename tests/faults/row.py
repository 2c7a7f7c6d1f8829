"""A row of the fault matrix, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LEAST = 45
"""Rows of a whole matrix."""
HEAD = "| # | fault | where | commits acknowledged | lost | may lose | healthy after | what happened |"


@dataclass
class Row:
    """One fault: what it did, and what it cost."""

    fault: str
    where: str
    may_lose: str = "0"
    """The objective, in words."""
    seconds_allowed: float = 0
    """How old the oldest lost commit may have been when it was lost."""
    acknowledged: int | None = None
    """Commits that were acknowledged while the row was made; None: not counted yet."""
    lost: int = 0
    """Of them, and of all before them."""
    lost_seconds: float = 0
    """How long before the fault the oldest lost one was acknowledged."""
    healthy: float | None = None
    """Seconds from the blow, or from the end of what lasted, until all was as before; None: not reached."""
    happened: str = ""
    failed: str = ""
    """Why the row could not be made, or did not hold."""

    @property
    def holds(self) -> bool:
        """Whether it was made, and lost no more than it may."""
        within = self.lost == 0 or 0 < self.lost_seconds <= self.seconds_allowed
        return not self.failed and self.acknowledged is not None and self.healthy is not None and within

    def cells(self, number: int) -> str:
        """As a line of the table."""
        lost = f"{self.lost} ({self.lost_seconds:.0f} s)" if self.lost else "0"
        healthy = "never" if self.healthy is None else f"{self.healthy:.1f} s"
        happened = f"**failed**: {self.failed}" if self.failed else self.happened
        if not self.failed and not self.holds:
            happened = f"**lost more than it may**: {happened}"
        texts = (
            number,
            self.fault,
            self.where,
            "–" if self.acknowledged is None else self.acknowledged,
            lost,
            self.may_lose,
            healthy,
            happened,
        )
        return "| " + " | ".join(str(text).replace("|", "/").replace("\n", " ") for text in texts) + " |"


@dataclass
class Matrix:
    """All rows: by the files of their tests, and in the order in which they were made."""

    _made: list[tuple[str, Row]] = field(default_factory=list)

    def add(self, test: str, row: Row) -> None:
        """A row, and the name of its test."""
        self._made.append((test.partition("::")[0], row))

    @property
    def rows(self) -> list[Row]:
        return [row for _, row in sorted(self._made, key=lambda made: made[0])]

    def markdown(self) -> str:
        """The table, and what it comes to."""
        lines = [HEAD, "|---|---|---|---|---|---|---|---|"]
        lines += [row.cells(number) for number, row in enumerate(self.rows, 1)]
        return "\n".join([*lines, "", f"{summary(self.rows)}."])

    def wrong(self, least: int) -> str:
        """Why the command fails; empty: it does not."""
        bad = [row.fault for row in self.rows if not row.holds]
        if bad:
            return f"{len(bad)} rows do not hold: {'; '.join(bad)}"
        if len(self.rows) < least:
            return f"{len(self.rows)} rows were made, and a whole matrix has {least}"
        return ""


def summary(rows: Sequence[Row]) -> str:
    """In words."""
    acknowledged = sum(row.acknowledged or 0 for row in rows)
    beyond = sum(row.lost for row in rows if not row.holds)
    within = sum(row.lost for row in rows if row.holds)
    return (
        f"{len(rows)} rows, {sum(row.holds for row in rows)} hold; {acknowledged} commits were acknowledged, "
        f"{beyond} lost beyond the objective, {within} within it"
    )
