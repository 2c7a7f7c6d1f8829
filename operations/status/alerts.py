"""Which alerts fire, as Alertmanager tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from operations.checks.finding import Finding

OF_ITSELF = frozenset({"Watchdog"})
"""What always fires, so that somebody notices when nothing does."""


@dataclass(frozen=True)
class Alert:
    """One that fires, since a moment in UTC."""

    name: str
    severity: str
    since: str
    summary: str
    silenced: bool
    """Or said by another one that fires, too."""
    runbook: str = ""
    """The page's anchor."""
    command: str = ""
    """Which to begin with."""


@dataclass(frozen=True)
class Alerts:
    """Those of a stack. `monitored`: whether there is an Alertmanager; `trouble`: why it does not tell."""

    monitored: bool
    firing: tuple[Alert, ...] = ()
    trouble: str = ""

    @classmethod
    def of(cls, printed: str | None) -> Alerts:
        """Of the answer of `/api/v2/alerts`; None: nobody was asked."""
        if printed is None:
            return cls(monitored=False)
        try:
            found = json.loads(printed)
        except ValueError:
            return cls(monitored=True, trouble=" ".join(printed.split())[:200] or "it does not answer")
        alerts = (
            Alert(
                str(one["labels"].get("alertname")),
                str(one["labels"].get("severity", "")),
                str(one.get("startsAt", "")),
                str(one.get("annotations", {}).get("summary", "")),
                one.get("status", {}).get("state") == "suppressed",
                str(one.get("annotations", {}).get("runbook", "")),
                str(one.get("annotations", {}).get("command", "")),
            )
            for one in found
        )
        return cls(monitored=True, firing=tuple(one for one in alerts if one.name not in OF_ITSELF))

    def findings(self, stack: str) -> Iterator[Finding]:
        """Those that nobody has silenced, and that none can be had."""
        if self.trouble:
            yield Finding(
                f"jira-{stack}-alertmanager",
                f"does not tell which alerts fire: {self.trouble}",
                f"`docker logs --since 10m jira-{stack}-alertmanager` says why",
            )
        for one in self.firing:
            if not one.silenced:
                told = f": {one.summary}" if one.summary else ""
                page = f"docs/runbook.md#{one.runbook}"
                remedy = f"`{one.command}` ({page})" if one.command else page
                yield Finding(one.name, f"fires ({one.severity}){told}", remedy)
