"""A stack that is destroyed and made anew: what stays, what does not, and what stands in the way."""

from __future__ import annotations

import pytest

from operations import summary
from operations.deployment import Deployment
from operations.orphans.hetzner import left
from operations.recreate import NotRecreated, Recreation
from operations.reset import Refused
from tests.engine.conftest import Bring
from tests.engine.lab import Lab
from tests.engine.wholeness import assert_whole

pytestmark = pytest.mark.engine


def recreation(lab: Lab, deployment: Deployment, said: list[str]) -> Recreation:
    return Recreation(deployment, said.append, lambda: left(lab.environment(), deployment.stack))


def test_names_stay_and_nothing_else_does(bring: Bring) -> None:
    lab = bring("uat")
    before = summary.outputs(lab.resources())
    servers = {server["id"] for server in lab.objects("server")}
    deployment = lab.deployment("uat", {"application.seed_data": True})
    said: list[str] = []
    timings = recreation(lab, deployment, said).act(sure=True)
    assert timings is not None
    assert [timing.step for timing in timings] == ["destroy", "up"]
    after = summary.outputs(lab.resources())
    assert (after["urls"], after["admin_email"]) == (before["urls"], before["admin_email"])
    assert not servers & {server["id"] for server in lab.objects("server")}
    assert "the sample projects (application.seed_data)" in said[0]
    assert "the certificate is made anew, and nothing scarce is spent" in said[0]
    assert "uat was recreated in " in said[-1]
    assert_whole(lab)


def test_what_a_destroy_has_left_is_named_and_nothing_is_made_beside_it(bring: Bring) -> None:
    lab = bring("uat")
    deployment = lab.deployment("uat")
    lab.ask(
        "POST",
        "/v1/volumes",
        {
            "name": "forgotten",
            "size": 10,
            "location": "fsn1",
            "labels": {"managed-by": "jira-plus-plus", "stack": "uat"},
        },
    )
    with pytest.raises(
        NotRecreated, match=r"destroy of uat left volume forgotten \(id \d+\); delete it by hand"
    ):
        recreation(lab, deployment, []).act(sure=True)
    assert lab.resources() == []


def test_it_is_asked_for_and_a_protected_stack_is_refused(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = bring("uat")
    monkeypatch.setattr("builtins.input", lambda _: "prod")
    assert recreation(lab, lab.deployment("uat"), []).act(sure=False) is None
    assert lab.objects("server")
    with pytest.raises(Refused, match=r"host\.protected: prod is protected, .*`make replace`"):
        recreation(lab, lab.deployment("prod"), []).act(sure=True)
