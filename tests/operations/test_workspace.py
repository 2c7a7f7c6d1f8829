"""What a run of the engine is given beside what the Automation API gives it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.automation import Stack

from operations.workspace import LeanStack


def test_a_preview_alone_makes_no_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an up they are what a killed one is settled by."""
    seen: dict[str, dict[str, str]] = {}

    def run(kind: str) -> Any:
        def record(self: Stack, **asked: Any) -> None:
            seen[kind] = dict(self.workspace.env_vars)
            assert asked == {"refresh": True}
            if kind == "failing":
                raise RuntimeError

        return record

    stack = object.__new__(LeanStack)  # of none that there is
    stack.workspace = SimpleNamespace(env_vars={"PULUMI_HOME": "/home"})  # type: ignore[assignment]
    monkeypatch.setattr(Stack, "up", run("up"))
    for kind in ("preview", "failing"):
        monkeypatch.setattr(Stack, "preview", run(kind))
        if kind == "failing":
            with pytest.raises(RuntimeError):
                stack.preview(refresh=True)
        else:
            stack.preview(refresh=True)
        stack.up(refresh=True)
        assert seen[kind] == {"PULUMI_HOME": "/home", "PULUMI_SKIP_CHECKPOINTS": "true"}
        assert seen["up"] == {"PULUMI_HOME": "/home"}
