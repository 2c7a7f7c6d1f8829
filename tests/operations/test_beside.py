"""Parts run beside each other where they may, after what they need, and one at a time in a lane."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from operations.beside import Beside, Part, run

PATIENCE_SECONDS = 10


def noting(done: list[str], name: str) -> Callable[[], None]:
    return lambda: done.append(name)


def test_a_part_runs_after_what_it_needs_wherever_it_stands() -> None:
    done: list[str] = []
    needs = {"image": {"program", "base"}, "program": set(), "base": {"program"}, "pushed": {"image"}}
    run([Part(n, n, noting(done, n), frozenset(needed)) for n, needed in needs.items()])
    assert done == ["program", "base", "image", "pushed"]


def test_what_is_no_part_is_there_already() -> None:
    done: list[str] = []
    run([Part("image", "docker", noting(done, "image"), frozenset({"base"}))])
    assert done == ["image"]


def test_two_lanes_run_at_the_same_time() -> None:
    met = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    run([Part("engine", "compile", met.wait), Part("base", "docker", met.wait)])


def test_parts_of_a_lane_never_meet_and_one_that_waits_holds_up_no_other() -> None:
    done: list[str] = []
    busy = threading.Lock()

    def alone(name: str) -> None:
        assert busy.acquire(blocking=False), "two in one lane"
        time.sleep(0.01)
        done.append(name)
        busy.release()

    run(
        [
            Part("last", "docker", lambda: alone("last"), frozenset({"program"})),
            Part("first", "docker", lambda: alone("first")),
            Part("second", "docker", lambda: alone("second")),
            Part("program", "compile", lambda: time.sleep(0.2)),
        ]
    )
    assert done == ["first", "second", "last"]


def test_after_a_failure_nothing_begins_and_what_had_begun_ends() -> None:
    done: list[str] = []
    begun = threading.Event()

    def fail() -> None:
        begun.wait(PATIENCE_SECONDS)
        raise ValueError("broken")

    def go_on() -> None:
        begun.set()
        time.sleep(0.1)
        done.append("went on")

    parts = [Part("a", "compile", fail), Part("b", "docker", go_on), Part("c", "docker", noting(done, "c"))]
    with pytest.raises(ValueError, match="broken"):
        run(parts)
    assert done == ["went on"]


def test_what_runs_beside_gives_its_result_or_its_failure() -> None:
    assert Beside(lambda: 1).future.result(PATIENCE_SECONDS) == 1

    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Beside(fail).future.result(PATIENCE_SECONDS)
