"""The store: whole transactions, growing ids, nothing left of what was removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.cloud.store import Store
from tests.rehearsal.cloud.harness import Embedded


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


class Interrupted(Exception):
    """In the middle of it."""


def test_a_transaction_that_fails_changes_nothing_and_calls_no_hook(store: Store) -> None:
    store.put("thing", {"id": 1, "value": "old"})
    called: list[str] = []

    def fail() -> None:
        with store.transaction():
            store.put("thing", {"id": 1, "value": "new"})
            store.put("thing", {"id": 2})
            store.delete("thing", 1)
            store.after_commit(lambda: called.append("failed"))
            raise Interrupted

    with pytest.raises(Interrupted):
        fail()
    assert store.all("thing") == [{"id": 1, "value": "old"}]
    with store.transaction():
        store.after_commit(lambda: called.append("good"))
    assert called == ["good"], "a hook of the failed one is forgotten"


def test_an_inner_transaction_is_part_of_the_outer_one(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            with store.transaction():
                store.put("thing", {"id": 1})
            raise Interrupted

    with pytest.raises(Interrupted):
        fail()
    assert store.all("thing") == []


def test_hooks_run_once_everything_is_written(store: Store) -> None:
    seen: list[int] = []
    with store.transaction():
        store.after_commit(lambda: seen.append(len(store.all("thing"))))
        store.put("thing", {"id": 1})
        assert seen == []
    assert seen == [1]


def test_objects_come_back_in_the_order_of_their_making(store: Store) -> None:
    for key in (3, 1, 2):
        store.put("thing", {"id": key})
    store.put("thing", {"id": 1, "changed": True})
    assert [one["id"] for one in store.all("thing")] == [3, 1, 2]


def test_nothing_is_left_of_what_was_removed(store: Store, tmp_path: Path) -> None:
    store.put("thing", {"id": 1, "value": "canary-0917"})
    with store.transaction():
        store.delete("thing", 1)
    for path in tmp_path.iterdir():
        assert b"canary-0917" not in path.read_bytes(), path


def test_a_request_that_fails_half_way_leaves_no_half(cloud: Embedded) -> None:
    walls = [cloud.good("POST", "/v1/firewalls", {"name": f"w{n}"})["firewall"]["id"] for n in range(6)]
    free = cloud.server("free")["id"]
    full = cloud.server("full", firewalls=[{"firewall": wall} for wall in walls[:5]])["id"]
    targets = [{"type": "server", "server": {"id": key}} for key in (free, full)]
    answer = cloud.act("firewalls", walls[5], "apply_to_resources", apply_to=targets)
    assert answer.code == "resource_limit_exceeded"
    assert cloud.good("GET", f"/v1/servers/{free}")["server"]["public_net"]["firewalls"] == [], (
        "the first server was noted before the second was refused"
    )
