"""Which server type is ordered, and which wish is refused, in view of what stands at Hetzner."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pulumi
import pytest

from components.clouds import Answer, Api
from components.host.order import ANEW, REFUSED, Order, order
from components.settings.catalogue import SERVER_TYPES
from components.settings.host import Host
from components.settings.problem import SettingsError

SETTINGS = Host.model_validate(
    {"kind": "hetzner", "server_type": "cx23", "server_type_fallbacks": ("cpx22", "cx33")}
)


class Hetzner(Api):
    """A project with these things in it."""

    def __init__(self, *sold_out: str, **things: dict[str, Any]) -> None:
        super().__init__("Hetzner", "", "token")
        object.__setattr__(self, "_things", things)
        object.__setattr__(self, "_sold_out", sold_out)

    def ask(self, path: str, method: str = "GET") -> Answer:
        kind, query = urlsplit(path).path[1:], dict(parse_qsl(urlsplit(path).query))
        if kind == "server_types":
            assert "name" not in query
            return Answer(200, {kind: [self._kind(name) for name in ("cx23", "cpx22", "cx33", "cax21")]})
        assert query["name"] == {"servers": "jira-plus-plus-uat", "volumes": "jira-plus-plus-uat-data"}[kind]
        return Answer(200, {kind: [self._things[kind]] if kind in self._things else []})  # type: ignore[attr-defined]

    def _kind(self, name: str) -> dict[str, Any]:
        there = name not in self._sold_out  # type: ignore[attr-defined]
        ours = SERVER_TYPES[name]
        return {
            "name": name,
            "architecture": ours.architecture,
            "disk": ours.disk_gb,
            "locations": [{"name": "fsn1", "available": there}, {"name": "x"}],
        }


def server(name: str, disk: int = 80, status: str = "running", **labels: str) -> dict[str, Any]:
    kind = {"name": name, "architecture": "x86"}
    return {"server_type": kind, "primary_disk_size": disk, "status": status, "labels": labels}


@pytest.mark.parametrize(
    ("hetzner", "environment", "expected"),
    [
        (Hetzner(), {}, Order("cx23")),
        (Hetzner("cx23"), {}, Order("cpx22", "cx23")),
        (Hetzner("cx23", "cpx22", "cx33"), {}, Order("cx23")),
        (Hetzner(), {REFUSED: "cx23,cpx22"}, Order("cx33", "cx23")),
        (Hetzner(servers=server("cx23", 40)), {}, Order("cx23")),
        (Hetzner(servers=server("cpx22", **{"in-place-of": "cx23"})), {}, Order("cpx22", "cx23")),
        (Hetzner(servers=server("cpx22", **{"in-place-of": "cx23"})), {ANEW: "1"}, Order("cx23")),
        (Hetzner(servers=server("cx33", 40)), {}, Order("cx23")),
    ],
)
def test_the_first_type_that_can_be_had_is_ordered_and_a_fallback_in_force_stays(
    hetzner: Hetzner, environment: dict[str, str], expected: Order
) -> None:
    """Report A2 of infrastructure."""
    found, told = order(SETTINGS, "uat", hetzner, environment)
    assert found == expected
    assert bool(told) is (found.in_place_of is not None), "who gets another type than he asked for is told"


def test_a_server_that_is_off_is_told() -> None:
    """Report A6 of infrastructure: to the provider a server that is off is as it should be."""
    _, told = order(SETTINGS, "uat", Hetzner(servers=server("cx23", 40, "off")), {})
    assert told == ["the server of uat is off; `make deploy STACK=uat` switches it on"]


def test_a_fallback_of_another_wish_does_not_count() -> None:
    """Report A2 of infrastructure: somebody has changed his mind since."""
    with pytest.raises(SettingsError, match="cannot shrink"):
        order(SETTINGS, "uat", Hetzner(servers=server("cpx22", **{"in-place-of": "cx43"})), {})


def test_without_an_answer_nothing_is_ordered(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty answer would read as: there is no server."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(pulumi.RunError, match="Hetzner cannot be asked"):
        order(SETTINGS, "uat", Api("Hetzner", "http://127.0.0.1:1", "token"), {})
