"""The engine's progress as a rehearsal shows it."""

from rehearsal.progress import Progress

AMBIENT = "    warning: using pulumi-resource-docker from $PATH at /x/pulumi-resource-docker"
STACK = "  pulumi:pulumi:Stack (jira-plus-plus-local):"


def shown(*lines: str) -> list[str]:
    seen: list[str] = []
    progress = Progress(seen.append)
    for line in lines:
        progress.line(line)
    return seen


def test_a_heading_without_anything_below_is_left_out() -> None:
    assert shown("Diagnostics:", STACK, AMBIENT, AMBIENT, "", "Resources:", "    114 unchanged") == [
        "",
        "Resources:",
        "    114 unchanged",
    ]


def test_what_the_engine_has_to_say_is_shown_below_its_headings() -> None:
    other = "  docker:index:Container (api):"
    said = ["Diagnostics:", STACK, "    warning: mind this", "", other, "    error: unhealthy", "Resources:"]
    assert shown(*said[:2], AMBIENT, *said[2:]) == said


def test_the_number_of_warnings_is_left_out_and_nothing_else() -> None:
    assert shown("    pulumi:pulumi:Stack jira-plus-plus-local  6 warnings") == [
        "    pulumi:pulumi:Stack jira-plus-plus-local"
    ]
    assert shown("    pulumi:pulumi:Stack x **failed** 1 error, 1 warning") == [
        "    pulumi:pulumi:Stack x **failed** 1 error"
    ]


def test_a_destroy_does_not_tell_what_to_do_by_hand() -> None:
    assert shown(
        "The resources in the stack have been deleted, but the history and configuration …",
        "If you want to remove the stack completely, run `pulumi stack rm local`.",
        "Duration: 9s",
    ) == ["Duration: 9s"]
