"""Cloudflare must get in, since all visitors come by it."""

import pytest

from components.edge.cloudflare_ranges import IPV4, IPV6
from components.preflight.sources import findings
from rehearsal.declared.stacks import stack_settings


@pytest.mark.parametrize(
    ("sources", "stops", "said"),
    [
        (["203.0.113.0/24"], True, "leaves out all of Cloudflare's networks, from which the names' visitors"),
        ([*IPV4[1:], *IPV6], False, "leaves out 173.245.48.0/20 of Cloudflare's networks, from which"),
    ],
)
def test_a_door_that_is_closed_to_cloudflare_is_told(sources: list[str], stops: bool, said: str) -> None:
    """infrastructure B4: accepted, and every page is error 522."""
    (finding,) = findings(stack_settings("uat", {"edge.http_sources": sources}))
    assert finding.stops is stops
    assert str(finding.problem).startswith("edge.http_sources: got ")
    assert f"; {said}" in str(finding.problem)


@pytest.mark.parametrize("sources", [[], [*IPV4, *IPV6], [*IPV4, *IPV6, "203.0.113.0/24"]])
def test_cloudflare_s_ranges_and_more_are_no_finding(sources: list[str]) -> None:
    """infrastructure B4."""
    assert list(findings(stack_settings("uat", {"edge.http_sources": sources}))) == []
