"""What takes minutes says how long it takes: as on another machine at first, as on this one then."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations import durations


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "jira-plus-plus"


def test_a_first_run_tells_what_was_measured_elsewhere_and_where() -> None:
    told = durations.announcement(("engine", "base"))
    assert durations.ELSEWHERE in told
    assert f"engine {durations.shown(durations.SECONDS['engine'])}, base " in told


def test_a_later_one_tells_what_was_measured_here() -> None:
    durations.remember("engine", 61.0)
    assert durations.announcement(("engine",)).endswith("(here): engine 61 s")
    assert durations.expected("base") == durations.SECONDS["base"]


def test_a_broken_file_is_measured_anew(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "durations.json").write_text('{"engine": 6')
    assert durations.expected("engine") == durations.SECONDS["engine"]
    durations.remember("engine", 7.0)
    assert durations.expected("engine") == 7


@pytest.mark.parametrize(("seconds", "shown"), [(5.2, "5 s"), (99.0, "99 s"), (240.0, "4 min")])
def test_seconds_are_told_as_people_say_them(seconds: float, shown: str) -> None:
    assert durations.shown(seconds) == shown
