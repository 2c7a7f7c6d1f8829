"""The pure parts of driving a stack."""

import pytest

from operations.deployment import crash_safe, without_progress


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


def test_what_was_said_while_it_waited_is_told_once() -> None:
    waited = [f"api-1 is not well yet, after {seconds} s: 503" for seconds in range(15, 120, 15)]
    message = [
        "running it:",
        *waited,
        "api-1 was not well within 120 s",
        "api-1 is not well yet, after 3 s: 503",
    ]
    assert without_progress("\n".join(message)).splitlines() == [
        "running it:",
        "api-1 is not well yet, after 105 s: 503",
        "api-1 was not well within 120 s",
        "api-1 is not well yet, after 3 s: 503",
    ]
