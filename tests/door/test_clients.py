"""Whom the log names, what the application is told, and whom a limit counts."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from components.services import clients
from tests.door.door import CLOUDFLARE, ELSEWHERE, HOSTS, Door, asked, opened
from tests.playbook.waiting import seconds_until

INVENTION = "6.6.6.6"
VISITOR = "203.0.113.9"
OF_TRAEFIK = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Real-Ip")
BELIEVED = [*clients.INVENTED, *OF_TRAEFIK, "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Method"]
"""What an application may believe."""


@pytest.fixture
def logged(door: Door) -> Callable[[str], dict[str, str]]:
    """The line of the log for a path."""

    def find(path: str) -> dict[str, str]:
        def lines() -> list[dict[str, str]]:
            return [entry for entry in door.log() if entry["RequestPath"] == path]

        seconds_until("the request is in the log", lines, 5, every=0.05)
        return lines()[-1]

    return find


def test_the_log_names_cloudflares_client_and_not_whom_the_client_invents(
    door: Door, logged: Callable[[str], dict[str, str]]
) -> None:
    """Report: runtime 17, the leftmost address of X-Forwarded-For was logged as the client."""
    told = {"X-Forwarded-For": INVENTION, "X-Real-Ip": INVENTION, clients.HEADER: VISITOR}
    door.ask("api", "/from-cloudflare", headers=told, source=CLOUDFLARE)
    line = logged("/from-cloudflare")
    assert line["request_Cf-Connecting-Ip"] == VISITOR
    assert line["ClientHost"] == CLOUDFLARE
    assert INVENTION not in str(line)


@pytest.mark.parametrize("name", ["api", "not-served"])
def test_who_passes_by_cloudflare_is_logged_by_the_peers_address_whatever_it_says(
    door: Door, logged: Callable[[str], dict[str, str]], name: str
) -> None:
    """Report: runtime 17. A request for a name that is not served is logged, too."""
    path = f"/past-cloudflare-{name}"
    told = dict.fromkeys((*BELIEVED, clients.HEADER), INVENTION)
    with closing(door.connection(HOSTS["api"], ELSEWHERE)) as connection:
        asked(connection, "api", path, headers={"Host": HOSTS.get(name, name), **told})
    line = logged(path)
    assert line["ClientHost"] == ELSEWHERE
    assert INVENTION not in str(line)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "spelling", [str, str.lower, lambda name: name.replace("-", "_"), lambda n: n.replace("-", ".")]
)
@pytest.mark.parametrize("source", [CLOUDFLARE, ELSEWHERE])
def test_no_header_that_a_client_invents_reaches_the_application(
    door: Door, source: str, spelling: Callable[[str], str], method: str
) -> None:
    """Report: runtime 17. Some frameworks read X_Real_Ip and X.Real.Ip as X-Real-Ip."""
    told = {spelling(name): INVENTION for name in BELIEVED}
    seen = door.ask("api", "/", method=method, headers=told, source=source).seen["headers"]
    assert INVENTION not in str(seen)
    assert seen["X-Forwarded-For"] == seen["X-Real-Ip"] == source
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["X-Forwarded-Host"] == seen["Host"] == HOSTS["api"]


def test_the_application_learns_the_client_from_cloudflare_alone(door: Door) -> None:
    """Report: runtime 17."""
    told = {clients.HEADER: VISITOR}
    assert door.ask("api", "/", headers=told, source=CLOUDFLARE).seen["headers"][clients.HEADER] == VISITOR
    assert clients.HEADER not in door.ask("api", "/", headers=told).seen["headers"]


@pytest.fixture(scope="module")
def narrow(traefik: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door whose limits are reached with few requests."""

    def narrower(dynamic: dict[str, Any]) -> None:
        for middleware in dynamic["http"]["middlewares"].values():
            middleware.get("rateLimit", {}).update(average=1, burst=5)

    with opened(tmp_path_factory.mktemp("narrow"), traefik, routes=narrower) as door:
        yield door


@pytest.mark.parametrize(("source", "addresses"), [(CLOUDFLARE, 1), (ELSEWHERE, 20)])
def test_the_limit_counts_the_true_client(narrow: Door, source: str, addresses: int) -> None:
    """Report: runtime 17. Who gives himself a new address with every request is still one client."""
    asked_as = [f"198.51.100.{number % addresses}" for number in range(20)]
    statuses = [
        narrow.ask("api", "/", headers={clients.HEADER: address}, source=source).status
        for address in asked_as
    ]
    assert set(statuses) == {200, 429}
    another = {clients.HEADER: "198.51.100.200"}
    assert narrow.ask("api", "/", headers=another, source=CLOUDFLARE).status == 200
