"""What a run of the engine is given beside what the Automation API gives it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.automation import Stack

from operations.workspace import LeanStack

GIVEN = {"PULUMI_HOME": "/home"}


def test_a_preview_alone_makes_no_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an up they are what a killed one is settled by."""
    seen: list[dict[str, str]] = []

    def runs(self: Stack, **asked: Any) -> None:
        seen.append(dict(self.workspace.env_vars))
        assert asked == {"refresh": True}

    def fails(self: Stack, **asked: Any) -> None:
        runs(self, **asked)
        raise RuntimeError

    stack = object.__new__(LeanStack)  # of none that there is
    stack.workspace = SimpleNamespace(env_vars=GIVEN)  # type: ignore[assignment]
    monkeypatch.setattr(Stack, "up", runs)
    monkeypatch.setattr(Stack, "preview", runs)
    stack.preview(refresh=True)
    stack.up(refresh=True)
    monkeypatch.setattr(Stack, "preview", fails)
    with pytest.raises(RuntimeError):
        stack.preview(refresh=True)
    stack.up(refresh=True)
    assert seen == [{**GIVEN, "PULUMI_SKIP_CHECKPOINTS": "true"}, GIVEN] * 2
