"""The metrics of a stack that is up, asked as people do: by name, through the proxy, with the password."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from .target import Target
from .waiting import seconds_until

PATIENCE_SECONDS = 120
"""What is written each minute is asked for each 15 s, and seen after that."""


@dataclass(frozen=True)
class Store:
    """That of `target`."""

    target: Target

    @property
    def named(self) -> bool:
        """Whether it has a name to ask it by."""
        return "metrics" in self.target.outputs["urls"]

    @property
    def login(self) -> tuple[str, str]:
        """Name and password."""
        return self.target.outputs["metrics_user"], self.target.outputs["metrics_password"]

    def ask(self, path: str, **parameters: str) -> Any:
        """What it answers, as JSON."""
        with self.target.http(auth=self.login) as client:
            answer = client.get(f"{self.target.url('metrics')}/prometheus{path}", params=parameters)
            assert answer.status_code == 200, f"{path} {parameters}: {answer.status_code} {answer.text[:300]}"
            return answer.json()

    def series(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an answer, as it is now; one without a value is none."""
        result = self.ask("/api/v1/query", query=query, nocache="1", latency_offset="1s")["data"]["result"]
        found = [(one["metric"], float(one["value"][1])) for one in result]
        return [(labels, value) for labels, value in found if not math.isnan(value)]

    def holds(self, condition: str, within: float = PATIENCE_SECONDS) -> float:
        """Waits until a comparison in MetricsQL has an answer; the seconds that it took."""
        return seconds_until(f"{condition} holds", lambda: bool(self.series(condition)), within)

    def pages(self) -> list[dict[str, Any]]:
        """What its interface shows, as it gets it; the overview first."""
        found: list[dict[str, Any]] = self.ask("/vmui/custom-dashboards")["dashboardsSettings"]
        return found

    def groups(self) -> list[dict[str, Any]]:
        """The rules of alerts, as vmalert has them, in their groups."""
        found: list[dict[str, Any]] = self.ask("/vmalert/api/v1/rules")["data"]["groups"]
        return found


def now() -> int:
    """Unix seconds."""
    return int(time.time())
