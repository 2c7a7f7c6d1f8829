"""A change of the server's type ends with a server that runs, whatever Hetzner makes of it."""

from __future__ import annotations

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import Lab

pytestmark = pytest.mark.engine

LARGER = {"host.server_type": "cx33", "host.server_type_fallbacks": ["cx43"]}


def server(lab: Lab) -> tuple[str, str]:
    (found,) = lab.objects("server")
    return found["server_type"], found["status"]


def asked(lab: Lab, action: str) -> int:
    return sum(request["p"].endswith(f"/actions/{action}") for request in lab.requests())


@pytest.mark.parametrize("starts_again", [False, True])
def test_a_resized_server_runs_again(starts_again: bool, bring: Bring) -> None:
    lab = bring("uat")
    if starts_again:
        lab.fault({"kind": "starts_again"})
    journal = lab.deployment("uat", LARGER).up()
    assert server(lab) == ("cx33", "running")
    assert asked(lab, "poweron") == (0 if starts_again else 1)
    assert [(step.op, step.name) for step in journal.steps if step.op in ("update", "replace")] == [
        ("update", "host-server"),
        ("replace", "host-bootstrap"),  # dials until the server answers; what uses it comes after
    ]


def test_a_server_whose_new_type_is_refused_runs_on_as_it_was_and_the_way_back_is_free(bring: Bring) -> None:
    lab = bring("uat")
    before = server(lab)
    lab.fault({"kind": "sold_out", "server_type": "cx33", "count": None})
    with pytest.raises(DeploymentFailed, match=r"(?s)host-server: .*resource_unavailable"):
        lab.deployment("uat", LARGER).up()
    assert server(lab) == before == ("cx23", "running")
    assert asked(lab, "change_type") == 1, "no further type is tried on a server that runs"
    back = lab.deployment("uat").up()  # the engine tells again of what failed, and finds nothing to do
    assert [step.changed for step in back.steps if step.op != "same"] == [{}]
    assert server(lab) == before
    assert asked(lab, "change_type") == 1


def test_a_volume_that_cannot_be_had_moves_no_server(bring: Bring) -> None:
    lab = bring("uat")
    lab.fault(
        {"kind": "status", "path": "/volumes/[0-9]+/actions/resize$", "status": 412, "count": None}
        | {"code": "resource_unavailable"}
    )
    with pytest.raises(DeploymentFailed, match=r"(?s)host-volume: .*resource_unavailable"):
        lab.deployment("uat", {"host.volume.size_gb": 20}).up()
    assert server(lab) == ("cx23", "running")
    assert asked(lab, "change_type") == asked(lab, "poweroff") == 0
    assert not any("is sold out" in line for line in lab.output)
