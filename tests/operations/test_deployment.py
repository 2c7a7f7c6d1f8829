"""The pure parts of driving a stack."""

from operations.deployment import without_progress


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
