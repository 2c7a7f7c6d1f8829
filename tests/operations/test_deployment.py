"""The pure parts of driving a stack."""

import pytest

from operations.deployment import crash_safe


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///state", "file:///state?metadata=skip"),
        ("file://~?no_tmp_dir=true", "file://~?no_tmp_dir=true&metadata=skip"),
        ("file:///state?metadata=skip", "file:///state?metadata=skip"),
        ("s3://bucket?region=eu", "s3://bucket?region=eu"),
    ],
)
def test_a_state_folder_survives_a_killed_engine(url: str, expected: str) -> None:
    assert crash_safe({"PULUMI_BACKEND_URL": url})["PULUMI_BACKEND_URL"] == expected


def test_a_backend_that_is_exported_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///exported")
    assert crash_safe({})["PULUMI_BACKEND_URL"] == "file:///exported?metadata=skip"
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    assert crash_safe({}) == {}
