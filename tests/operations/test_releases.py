"""Which release is gone back to, and how the list is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from operations.releases import IMAGES, Releases, Update, same, short
from operations.rollback import NoWayBack, meant, plan


def of(version: str, digit: str = "") -> dict[str, str]:
    """A set of images; with a digit one that has digests."""
    digest = f"@sha256:{digit * 64}" if digit else ""
    return {name: f"ghcr.io/example-org/{name}:{version}{digest}" for name in IMAGES}


def update(number: int, version: str, digit: str, *, result: str = "succeeded", good: bool = True) -> Update:
    began = datetime(2026, 11, 28, number, tzinfo=UTC)
    return Update(number, began, began + timedelta(seconds=95), result, "Ada", of(version, digit), good)


THIRD, SECOND, FIRST = (
    update(3, "3", "c", result="failed", good=False),
    update(2, "2", "b"),
    update(1, "1", "a"),
)
RELEASES = Releases((THIRD, SECOND, FIRST), last_good=of("2", "b"), running=of("2", "b"))


@pytest.mark.parametrize(
    ("now", "to", "wanted"),
    [
        (of("3"), "", of("2", "b")),  # one that failed, or was never deployed
        (of("2"), "", of("1", "a")),  # the last good one itself: the file names it without digests
        (of("2", "b"), "", of("1", "a")),
        (of("3"), "1", of("1", "a")),
        (of("3"), f"sha256:{'a' * 64}", of("1", "a")),
        (of("3"), "aaaaaaaa", of("1", "a")),
    ],
)
def test_where_it_goes(now: dict[str, str], to: str, wanted: dict[str, str]) -> None:
    assert meant(RELEASES, now, to, "uat") == wanted


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("3", "TO: got 3; that release failed, and was never good; `make releases STACK=uat` lists them"),
        ("9", "TO: got 9; uat has no such release"),
        ("cccccccc", "TO: got cccccccc; must be a number of the list, or 7 digits or more of the digest"),
        ("aaa", "TO: got aaa; must be a number"),
    ],
)
def test_where_it_does_not_go(to: str, message: str) -> None:
    with pytest.raises(NoWayBack, match=message):
        meant(RELEASES, of("3"), to, "uat")


def test_the_first_release_has_no_way_back() -> None:
    only = Releases((FIRST,), last_good=of("1", "a"), running=of("1", "a"))
    with pytest.raises(NoWayBack, match="uat had no good release but the one that its file names"):
        meant(only, of("1"), "", "uat")


def test_a_digest_decides_where_both_have_one() -> None:
    assert same(of("1", "a"), of("1"))
    assert same(of("1", "a"), of("1.0", "a"))
    assert not same(of("1", "a"), of("1", "b"))
    assert not same(of("1"), of("2"))


def test_the_plan_says_what_stays_and_what_is_not_undone() -> None:
    words = plan("uat", {**of("2", "b"), "web": of("1", "a")["web"]}, {**of("1", "a"), "worker": "w:1"}, {})
    assert f"  api was {of('2', 'b')['api']}\n      is  {of('1', 'a')['api']}" in words
    assert f"  web stays {of('1', 'a')['web']}" in words
    assert "no digest was recorded" in words
    assert "not undone: the database's schema" in words


def test_the_table_marks_what_runs_and_what_is_good() -> None:
    header, *rows = RELEASES.table().splitlines()
    assert header.split() == ["no", "UTC", "took", "ended", "commit", "by", "images"]
    assert rows[0].startswith("3   2026-11-28 03:00  1:35  failed")
    assert "good" not in rows[0]
    assert rows[1].endswith("<- runs <- last good")
    assert "api 1@aaaaaaaa" in rows[2]
    mixed = Releases(RELEASES.updates, of("2", "b"), {**of("2", "b"), "api": of("3", "c")["api"]})
    assert (
        mixed.table().splitlines()[-1].startswith("what runs is none of these: api 3@cccccccc, worker 2@bb")
    )


def test_a_reference_in_short() -> None:
    assert short(f"ghcr.io/x/api:1.2@sha256:{'d' * 64}") == "1.2@dddddddd"
    assert short("127.0.0.1:5077/web:2") == "2"
