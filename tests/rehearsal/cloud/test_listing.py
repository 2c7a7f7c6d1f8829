"""Pages, filters, sorting, labels."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from rehearsal.cloud.hetzner.labels import selects
from tests.rehearsal.cloud.harness import Embedded, public_key


def fill(cloud: Embedded, count: int) -> None:
    for number in range(count):
        labels = {"parity": "even" if number % 2 == 0 else "odd", "number": str(number)}
        body = {"name": f"key-{number:03}", "public_key": public_key(), "labels": labels}
        cloud.good("POST", "/v1/ssh_keys", body)


def test_the_official_client_walks_all_pages(cloud: Embedded) -> None:
    fill(cloud, 60)
    assert [key.name for key in cloud.hetzner.ssh_keys.get_all()] == [f"key-{n:03}" for n in range(60)]
    walked = [entry for entry in cloud.requests() if entry["m"] == "GET"]
    assert len(walked) == 2, "the client asks for 50 a page"


def test_pages(cloud: Embedded) -> None:
    fill(cloud, 12)
    answer = cloud.ask("GET", "/v1/ssh_keys?page=2&per_page=5")
    assert [key["name"] for key in answer.body["ssh_keys"]] == [f"key-{n:03}" for n in range(5, 10)]
    assert answer.body["meta"]["pagination"] == {
        "page": 2,
        "per_page": 5,
        "previous_page": 1,
        "next_page": 3,
        "last_page": 3,
        "total_entries": 12,
    }
    assert answer.headers["Link"] == ", ".join(
        f'<{cloud.url}/v1/ssh_keys?page={page}&per_page=5>; rel="{name}"'
        for page, name in ((1, "prev"), (3, "next"), (3, "last"))
    )
    assert cloud.good("GET", "/v1/ssh_keys?page=9")["ssh_keys"] == []
    assert len(cloud.good("GET", "/v1/ssh_keys")["ssh_keys"]) == 12


def test_an_empty_list_has_one_page(cloud: Embedded) -> None:
    pagination = cloud.good("GET", "/v1/servers")["meta"]["pagination"]
    assert pagination["last_page"] == 1
    assert pagination["next_page"] is None


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "per_page=51",
        "per_page=0",
        "sort=color",
        "sort=name:up",
        "label_selector=a%3D%3D%3D",
        "label_selector=a%3Db%2C%2C",
        "label_selector=a+in+b",
    ],
)
def test_a_query_that_does_not_pass_is_refused(cloud: Embedded, query: str) -> None:
    answer = cloud.ask("GET", f"/v1/volumes?{query}")
    assert (answer.status, answer.code) == (422, "invalid_input")


def test_sorting_by_several_fields(cloud: Embedded) -> None:
    for name, place in (("b", "fsn1"), ("a", "hel1"), ("c", "fsn1")):
        cloud.volume(name, location=place)

    def names(query: str) -> list[str]:
        return [one["name"] for one in cloud.good("GET", f"/v1/volumes?{query}")["volumes"]]

    assert names("") == ["b", "a", "c"]
    assert names("sort=name") == ["a", "b", "c"]
    assert names("sort=name:desc") == ["c", "b", "a"]
    assert names("sort=created:asc&sort=id:desc")[0] in ("b", "c")


def test_filters(cloud: Embedded) -> None:
    fill(cloud, 4)
    assert [key["name"] for key in cloud.good("GET", "/v1/ssh_keys?name=key-002")["ssh_keys"]] == ["key-002"]
    assert cloud.good("GET", "/v1/ssh_keys?name=key-9")["ssh_keys"] == []
    found = cloud.good("GET", f"/v1/ssh_keys?label_selector={quote('parity=odd,number!=1')}")["ssh_keys"]
    assert [key["name"] for key in found] == ["key-003"]


LABELS = {"env": "production", "type": "database", "example.com/my": "label", "bare": ""}


@pytest.mark.parametrize(
    ("selector", "hit"),
    [
        ("env=production", True),
        ("env==production", True),
        ("env!=production", False),
        ("other!=x", True),
        ("env", True),
        ("!env", False),
        ("!other", True),
        ("bare", True),
        ("bare=", True),
        ("env in (testing,production)", True),
        ("env in (testing, staging)", False),
        ("env notin (testing,staging)", True),
        ("other notin (a)", True),
        ("other in (a)", False),
        ("env=production,type!=database", False),
        ("env=production,!missing,example.com/my=label", True),
        ("example.com/my", True),
        ("", True),
    ],
)
def test_the_selector_language(selector: str, hit: bool) -> None:
    assert selects(selector, LABELS) is hit
