"""The place of the engine's tests itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.conftest import Bring
from tests.engine.lab import TOKEN


def test_what_one_test_pretends_does_not_stay_in_the_plugins_that_it_starts(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They outlive it: another's token stayed in them, and all tests after it were refused."""
    lab = bring("local", up=False)
    lab.kill_plugins()
    surroundings = lab.surroundings
    monkeypatch.setattr(lab, "surroundings", lambda: {**surroundings(), "CLOUDFLARE_API_TOKEN": "o" * 40})
    monkeypatch.setenv("PULUMI_DEBUG_GRPC", "of-this-test")
    lab.deployment("local")
    assert lab.plugins is not None
    started_with = (Path("/proc") / str(lab.plugins.pid) / "environ").read_text()
    assert f"CLOUDFLARE_API_TOKEN={TOKEN}\0" in started_with
    assert "of-this-test" not in started_with
