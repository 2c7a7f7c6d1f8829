"""The data stays where it is until somebody destroys it by that name."""

from __future__ import annotations

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring

pytestmark = pytest.mark.engine

ELSEWHERE = {"host.location": "nbg1"}


def test_another_location_is_refused_where_the_data_is_and_free_where_there_is_none(bring: Bring) -> None:
    """Report D of infrastructure: a typo in `host.location` cost the database, in a plain deploy."""
    lab = bring("uat")
    before = lab.objects("volume"), lab.changing()
    for step in ("preview", "up"):
        with pytest.raises(DeploymentFailed) as refused:
            getattr(lab.deployment("uat", ELSEWHERE), step)()
        assert 'host.location: got "nbg1"; is not fsn1, where the volume with the data of uat is' in str(
            refused.value
        )
        assert "docs/runbook.md, Move to another location" in str(refused.value)
        assert "Traceback" not in "\n".join(lab.output)
    assert (lab.objects("volume"), lab.changing()) == before, "nothing was asked for"

    lab = bring("uat", up=False)
    assert lab.deployment("uat", ELSEWHERE).preview().errors == []
