"""Which paths are published: a user's, and none of the operator's."""

import pytest

from tests.door.door import Door

SPELLINGS = (
    "/{}",
    "/{}/",
    "//{}",
    "/{}?debug=1",
    "/./{}",
    "/graphql/../{}",
    "/%2e%2e/{}",
    "/{};v=1",
    "/{}/default",
    "/{}.json",
    "/%2F{}",
    "/%2f{}",
    "/%5C{}",
    "/{}%2F",
    "/{}%2f..",
    "/{}%00",
    "/{}%20",
)


@pytest.mark.parametrize("name", ["api", "web", "temporal"])
@pytest.mark.parametrize("path", ["metrics", "ready", "readyz"])
def test_a_path_of_the_operators_is_not_there_however_it_is_spelt(door: Door, name: str, path: str) -> None:
    """Report: runtime 18, the metrics and the reasons of a lost readiness were for the whole world."""
    encoded = f"%{ord(path[0]):02X}{path[1:]}", f"{path[:-1]}%{ord(path[-1]):02x}"
    words = (path, path.title(), path.upper(), *encoded)
    asked = [spelling.format(word) for spelling in SPELLINGS for word in words]
    assert door.statuses(name, asked) == dict.fromkeys(asked, 404)


def test_another_method_does_not_open_them(door: Door) -> None:
    """Report: runtime 18. A POST has a router of its own."""
    answers = [
        door.ask("api", "/metrics", method=method).status for method in ("POST", "PUT", "HEAD", "OPTIONS")
    ]
    assert answers == [404] * 4


@pytest.mark.parametrize("host", ["API.example.com", "api.example.com.", "api.example.com:443"])
def test_another_spelling_of_the_host_does_not_open_them(door: Door, host: str) -> None:
    """Report: runtime 18."""
    assert door.ask("api", "/metrics", headers={"Host": host}).status == 404
    assert door.ask("api", f"https://{host}/metrics").status == 404
    assert door.ask("api", "/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/graphql", "/health", "/healthz", "/metrics-of-a-team", "/issues/ready"]
)
def test_what_a_user_asks_for_is_served(door: Door, path: str) -> None:
    for name in ("api", "web"):
        assert door.ask(name, path).seen["path"] == path
