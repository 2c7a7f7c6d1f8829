"""What the engine is told of where it keeps the state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operations.backend import remedy, tuned


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the engine, which knows of no backend yet; nothing is exported."""
    for name in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CREDENTIALS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///state", "file:///state?metadata=skip"),
        ("file://~?no_tmp_dir=true", "file://~?no_tmp_dir=true&metadata=skip"),
        ("file:///state?metadata=skip", "file:///state?metadata=skip"),
        ("s3://bucket?region=eu", "s3://bucket?region=eu"),
    ],
)
def test_a_state_folder_survives_a_killed_engine(url: str, expected: str, tmp_path: Path) -> None:
    assert tuned(tmp_path, {"PULUMI_BACKEND_URL": url})["PULUMI_BACKEND_URL"] == expected


def test_a_folder_that_is_exported_or_logged_in_to_counts_too(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tuned(home, {}) == {}
    (home / "credentials.json").write_text(json.dumps({"current": "file:///logged-in"}))
    assert tuned(home, {}) == {"PULUMI_BACKEND_URL": "file:///logged-in?metadata=skip"}
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///exported")
    assert tuned(home, {}) == {"PULUMI_BACKEND_URL": "file:///exported?metadata=skip"}


@pytest.mark.parametrize(
    ("url", "packed"),
    [
        ("s3://bucket?region=eu", True),
        ("gs://bucket", True),
        ("azblob://container", True),
        ("file:///state", False),
        ("https://api.pulumi.com", False),
        ("postgres://user:password@host/state", False),
    ],
)
def test_a_state_in_a_bucket_is_sent_packed(url: str, packed: bool, tmp_path: Path) -> None:
    told = tuned(tmp_path, {"PULUMI_BACKEND_URL": url})
    assert told.get("PULUMI_DIY_BACKEND_GZIP") == ("true" if packed else None)


@pytest.mark.parametrize(
    "name", ["PULUMI_DIY_BACKEND_ZSTD", "PULUMI_DIY_BACKEND_GZIP", "PULUMI_SELF_MANAGED_STATE_GZIP"]
)
def test_how_it_is_packed_may_be_told_otherwise(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"PULUMI_BACKEND_URL": "s3://bucket", name: "false"}
    assert tuned(tmp_path, environment) == environment
    monkeypatch.setenv(name, "true")
    assert tuned(tmp_path, {"PULUMI_BACKEND_URL": "s3://bucket"}) == {"PULUMI_BACKEND_URL": "s3://bucket"}


def test_where_it_is_looked_for_is_told_without_a_password(home: Path) -> None:
    assert "AWS_SECRET_ACCESS_KEY" in remedy(home, {"PULUMI_BACKEND_URL": "s3://bucket?endpoint=x"})
    told = remedy(home, {"PULUMI_BACKEND_URL": "postgres://user:password@host/state"})
    assert "postgres://host/state" in told
    assert "password" not in told
    assert "`pulumi login`" in remedy(home, {"PULUMI_HOME": str(home)})
