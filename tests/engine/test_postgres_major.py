"""Another major version of Postgres is refused by the plan, but for the run that has moved the data."""

from __future__ import annotations

import pytest

from components.services.postgres_major import MOVED
from operations import changes
from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring

pytestmark = pytest.mark.engine
NEXT = {"images.postgres": "postgres:17.6-bookworm@sha256:" + "7" * 64}
MINOR = {"images.postgres": "postgres:15.20-bookworm@sha256:" + "5" * 64}


def test_it_is_refused_in_the_preview_and_goes_through_once_the_data_are_moved(bring: Bring) -> None:
    lab = bring("uat")
    before = lab.docker_events()
    with pytest.raises(DeploymentFailed) as refused:
        lab.deployment("uat", NEXT).preview()
    assert "`make upgrade-postgres STACK=uat TO=17` moves the data" in str(refused.value)
    told = changes.markdown("uat", refused.value.journal)
    assert "make upgrade-postgres STACK=uat TO=17" in told, "and so it stands in the pull request"
    with pytest.raises(DeploymentFailed, match="make upgrade-postgres STACK=uat TO=17"):
        lab.deployment("uat", NEXT).up()
    assert lab.docker_events() == before, "no container was touched"

    moved = lab.deployment("uat", NEXT)
    moved.tell(MOVED, "17")
    names = {step.name for step in moved.up().steps if step.op not in ("same", "read")}
    assert {"postgres", "backup", "postgres-guard"} <= names
    assert not {"api", "worker", "web", "traefik", "temporal"} & names
    assert lab.deployment("uat", NEXT).up().changes == 0
    with pytest.raises(DeploymentFailed, match="make upgrade-postgres STACK=uat TO=15"):
        lab.deployment("uat").preview()


def test_another_minor_version_is_a_change_as_any_other(bring: Bring) -> None:
    journal = bring("uat").deployment("uat", MINOR).preview()
    assert {step.name for step in journal.steps if step.op == "replace"} >= {"postgres", "backup"}
