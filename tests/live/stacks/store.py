"""The metrics of a stack that is up, asked as people do: by name, through the proxy, with the password."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until

PATIENCE_SECONDS = 120
"""What is written each minute is asked for each 15 s, and seen after that."""


@dataclass(frozen=True)
class Store:
    """That of `target`."""

    target: Target

    @property
    def login(self) -> tuple[str, str]:
        """Name and password."""
        return self.target.outputs["metrics_user"], self.target.outputs["metrics_password"]

    def series(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of an answer, as it is now."""
        with self.target.http(auth=self.login) as client:
            answer = client.get(
                f"{self.target.url('metrics')}/prometheus/api/v1/query",
                params={"query": query, "nocache": "1", "latency_offset": "1s"},
            )
            assert answer.status_code == 200, f"{query}: {answer.status_code} {answer.text[:300]}"
            result = answer.json()["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in result]

    def holds(self, condition: str, within: float = PATIENCE_SECONDS) -> float:
        """Waits until a comparison in MetricsQL has an answer; the seconds that it took."""
        return seconds_until(f"{condition} holds", lambda: bool(self.series(condition)), within)

    def pages(self) -> list[dict[str, Any]]:
        """What its interface shows, as it gets it; the overview first."""
        with self.target.http(auth=self.login) as client:
            answer = client.get(f"{self.target.url('metrics')}/prometheus/vmui/custom-dashboards")
            assert answer.status_code == 200
            found: list[dict[str, Any]] = answer.json()["dashboardsSettings"]
        return found


def now() -> int:
    """Unix seconds."""
    return int(time.time())
