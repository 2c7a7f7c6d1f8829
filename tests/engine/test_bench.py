"""The benchmark tells what holds from what does not, and measures what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.run import Row, _line, _slope, program
from tests.engine.lab import ROOT


def test_a_limit_is_broken_by_the_median_alone() -> None:
    within = Row("preview", "s", 1.0, 3.9, 9.0, empty=0.5, limit=4.0)
    beyond = Row("preview", "s", 1.0, 4.1, 4.2, empty=0.5, limit=4.0)
    assert within.holds
    assert not beyond.holds
    assert _line(within).endswith("holds")
    assert _line(beyond).endswith("BROKEN")
    assert "7.8" in _line(within), "times the empty program"
    assert not replace(within, most_times=6.0).holds, "within the seconds, and 7.8 times the empty program"
    assert replace(within, most_times=8.0).holds


def test_a_slope_is_in_milliseconds_per_container() -> None:
    assert _slope({0: 1.0, 10: 1.5, 20: 2.0}) == pytest.approx(50)


def test_a_program_is_measured_from_its_first_import_to_its_last_declaration(tmp_path: Path) -> None:
    """By what was declared: seconds of two runs on a busy machine say nothing of each other."""
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "__main__.py").touch()
    empty, local, more = program(folder, "empty"), program(ROOT, "local"), program(ROOT, "local", extra=20)
    assert empty["containers"] == 0
    assert local["containers"] > 0
    assert more["containers"] == local["containers"] + 20
    for measured in (empty, local, more):
        assert 0 < measured["declared"] < measured["registered"]
