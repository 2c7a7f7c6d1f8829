"""Command lines, as exact text."""

from components.host.scripts import bootstrap_arguments, run_script


def test_the_deploy_user_may_always_log_in_and_is_named_once() -> None:
    assert bootstrap_arguments(0, ("root", "deploy"), ()) == [
        *("--swap-mb", "0"),
        *("--backup-at", "02:00"),
        *("--ssh-user", "deploy"),
        *("--ssh-user", "root"),
    ]


def test_arguments_are_quoted_for_the_shell() -> None:
    assert run_script(["a key; rm -rf /"]) == "sudo bash -s -- 'a key; rm -rf /'"
    assert run_script(["x"], interpreter="sh", sudo=False) == "sh -s -- x"
