"""A change of the server's type ends with a server that runs, whatever Hetzner makes of it."""

from __future__ import annotations

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import Lab
from tests.engine.moments import Kill, Request

pytestmark = pytest.mark.engine

NO_FALLBACKS: dict[str, object] = {"host.server_type_fallbacks": []}
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
    lab.fault(
        {"kind": "status", "path": "/servers/[0-9]+/actions/change_type$", "status": 412, "count": None}
        | {"code": "resource_unavailable"}  # for all that Hetzner has said before
    )
    with pytest.raises(DeploymentFailed, match=r"(?s)host-server: .*resource_unavailable"):
        lab.deployment("uat", LARGER).up()
    assert server(lab) == before == ("cx23", "running")
    assert asked(lab, "change_type") == 1, "no further type is tried on a server that runs"
    assert lab.deployment("uat").up().changes == 0
    assert server(lab) == before
    assert asked(lab, "change_type") == 1


@pytest.mark.parametrize(("changed", "then"), [(False, "cx23"), (True, "cx33")])
def test_a_resize_that_was_cut_off_is_followed_by_a_server_that_runs(
    changed: bool, then: str, bring: Bring
) -> None:
    """Report A1 of infrastructure: the power is off by then, and no later deploy saw it."""
    lab = bring("uat")
    kill = Kill(lab)
    with (
        kill.at(Request("POST", "/servers/[0-9]+/actions/change_type", effect=changed)),
        pytest.raises(DeploymentFailed),
    ):
        lab.deployment("uat", LARGER, checkpoints=True).up()
    assert kill.reached
    assert server(lab)[1] != "running"
    settings = LARGER if changed else {}
    lab.deployment("uat", settings, checkpoints=True, killed=True).up()
    assert server(lab) == (then, "running")
    assert lab.deployment("uat", settings).up().changes == 0


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


@pytest.mark.parametrize(
    ("server_type", "said"),
    [
        ("cx23", "has a disk of 40 GB, and the server has one of 80 GB.*use cpx22, which it is"),
        ("cax21", "is arm, and the server is x86; use a type of x86 with 80 GB"),
        ("cx33", "is sold out at fsn1.*switched off.*use cpx22, which it is"),
    ],
)
@pytest.mark.parametrize("step", ["preview", "up"])
def test_a_type_that_the_server_cannot_become_is_refused_before_anything_is_asked_of_hetzner(
    step: str, server_type: str, said: str, bring: Bring
) -> None:
    """Report A1 of infrastructure: the provider cuts the power, and only then asks for the new type."""
    lab = bring("uat", up=False)
    lab.deployment("uat", {"host.server_type": "cpx22", **NO_FALLBACKS}).up()
    lab.fault({"kind": "sold_out", "server_type": "cx33", "count": None})
    before = lab.changing()
    with pytest.raises(DeploymentFailed, match=rf'(?s)host\.server_type: got "{server_type}"; {said}'):
        getattr(lab.deployment("uat", {"host.server_type": server_type, **NO_FALLBACKS}), step)()
    assert lab.changing() == before
    assert server(lab) == ("cpx22", "running")
