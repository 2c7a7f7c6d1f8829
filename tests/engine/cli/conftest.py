"""A terminal for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from operations import ssh_files
from tests.engine.cli.terminal import Terminal
from tests.engine.lab import Lab


@pytest.fixture
def terminal(_lab: Lab, tmp_path: Path) -> Iterator[Terminal]:
    """In an empty account. Unlike in the engine's other tests the program is a process of its own, and writes
    its ssh files below the real home: they are taken away in the end."""
    _lab.restore(None)
    terminal = Terminal(tmp_path, _lab)
    yield terminal
    ssh_files.forget(terminal.shown)
