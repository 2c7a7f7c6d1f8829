"""Clouds that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.cloud.harness import Embedded, Process


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Embedded]]:
    """Makes clouds in this process, in `cloud` unless a folder is given."""
    made: list[Embedded] = []

    def make_one(folder: Path | None = None, *args: Any, **options: Any) -> Embedded:
        made.append(Embedded(folder or tmp_path / "cloud", *args, **options))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


@pytest.fixture
def cloud(make: Callable[..., Embedded]) -> Embedded:
    """A cloud whose actions end within the request and whose limits are off."""
    return make()


@pytest.fixture
def slow(make: Callable[..., Embedded]) -> Embedded:
    """A cloud whose actions take a moment, as real ones do."""
    return make(action_seconds=0.15)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts clouds as processes, in `cloud`."""
    started: list[Process] = []

    def launch_one(*more: str) -> Process:
        started.append(Process(tmp_path / "cloud", *more))
        return started[-1]

    yield launch_one
    for one in started:
        if one.process.poll() is None:
            one.kill()
