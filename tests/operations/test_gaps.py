"""What has a gap is what stops before its next one starts."""

from __future__ import annotations

import pytest

from operations.gaps import GAPS
from rehearsal.declared.platform import CONTAINER, declared

NOBODYS = {
    *("backup", "autoheal", "watchtower"),
    *("metrics", "postgres-exporter", "node-exporter", "alerts", "alertmanager", "logs"),
    "grafana",
}
"""Nobody waits for their answers."""


@pytest.mark.parametrize("stack", ["uat", "prod", "local"])
def test_whatever_stops_first_and_is_used_by_people_has_a_gap_that_is_told(stack: str) -> None:
    stopped = {
        resource.name
        for resource in declared(stack).resources
        if resource.type == CONTAINER and resource.request.deleteBeforeReplace
    }
    assert stopped - NOBODYS == set(GAPS)
