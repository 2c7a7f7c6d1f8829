"""A server type that took the place of a sold-out one stays, from whichever checkout the next run comes."""

from __future__ import annotations

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.effects import effects
from tests.engine.lab import Lab
from tests.engine.wholeness import assert_whole

pytestmark = pytest.mark.engine

ORDERED = "/v1/servers$"


def server_type(lab: Lab) -> str:
    (server,) = lab.objects("server")
    assert server["status"] == "running"
    return str(server["server_type"])


def sold_out(lab: Lab, *names: str) -> None:
    """As Hetzner's list of types says, too."""
    lab.fault(*({"kind": "sold_out", "server_type": name, "count": None} for name in names))


def refused(lab: Lab, times: int) -> None:
    """Whatever the list says."""
    lab.fault(
        {"kind": "status", "method": "POST", "path": ORDERED, "status": 412, "count": times}
        | {"code": "resource_unavailable"}
    )


def asked(lab: Lab, path: str) -> int:
    return sum(request["m"] == "POST" and request["p"].endswith(path) for request in lab.requests())


def test_of_the_types_the_first_that_hetzner_has_is_ordered_and_stays_from_any_checkout(bring: Bring) -> None:
    """Report A2 of infrastructure: in CI the fallback was written to a checkout that is thrown away."""
    lab = bring("uat", up=False)
    sold_out(lab, "cx23", "cpx22")
    journal = lab.deployment("uat").up()
    assert server_type(lab) == "cx33"
    assert asked(lab, "/servers") == 1, "what is sold out is not ordered"
    assert any("cx23 is sold out at fsn1; cx33 is ordered in its place" in it for it in journal.warnings)
    assert "cx23" in (lab.state / "project" / "Pulumi.uat.yaml").read_text(), "the stack file is a person's"

    lab.cloud.faults.remove()
    deployment = lab.deployment("uat")  # the stack file as it is committed
    journal = deployment.preview()
    assert effects(journal) == {}
    (warning,) = journal.warnings
    assert "is a cx33, ordered in place of cx23" in warning
    assert "make replace STACK=uat" in warning
    assert deployment.up().changes == 0
    assert (asked(lab, "/change_type"), asked(lab, "/poweroff")) == (0, 0)


def test_a_type_that_is_refused_though_it_is_on_offer_is_followed_by_the_next(bring: Bring) -> None:
    """Report A1 of infrastructure: `resource_unavailable` although the type is on offer."""
    lab = bring("uat", up=False)
    refused(lab, 2)
    lab.deployment("uat").up()
    assert server_type(lab) == "cx33"
    assert "server type cx23 is sold out; trying cpx22" in lab.output
    assert "server type cpx22 is sold out; trying cx33" in lab.output
    assert lab.deployment("uat").up().changes == 0
    assert_whole(lab)


def test_when_all_are_refused_each_is_tried_once(bring: Bring) -> None:
    """Report A1 of infrastructure."""
    lab = bring("uat", up=False)
    refused(lab, 9)
    with pytest.raises(DeploymentFailed, match=r"(?s)host-server: .*resource_unavailable"):
        lab.deployment("uat").up()
    assert asked(lab, "/servers") == 3


def test_another_choice_in_the_settings_ends_the_fallback_and_a_replacement_tries_the_first_choice(
    bring: Bring,
) -> None:
    """Report A2 of infrastructure."""
    lab = bring("uat", up=False)
    sold_out(lab, "cx23")
    lab.deployment("uat").up()
    assert server_type(lab) == "cpx22"
    lab.cloud.faults.remove()
    chosen = lab.deployment("uat", {"host.server_type": "cpx22"}).up()
    assert effects(chosen) == {"host-server": "~ labels"}
    assert lab.deployment("uat", {"host.server_type": "cpx22"}).preview().warnings == []

    lab.deployment("uat").replace_server()
    assert server_type(lab) == "cx23"
    assert lab.deployment("uat").up().changes == 0
    assert_whole(lab)


def test_an_address_that_cannot_be_had_moves_no_server_type(bring: Bring) -> None:
    """Report A4 of infrastructure: capacity is per kind of resource, and another type would not help."""
    lab = bring("uat", up=False)
    lab.fault(
        {"kind": "status", "method": "POST", "path": "/v1/primary_ips$", "status": 412, "count": None}
        | {"code": "resource_unavailable"}
    )
    with pytest.raises(DeploymentFailed, match=r"(?s)host-ipv[46]: .*resource_unavailable"):
        lab.deployment("uat").up()
    assert asked(lab, "/servers") == 0
    assert not any("is sold out" in line for line in lab.output)
