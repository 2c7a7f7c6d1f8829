"""What a machine was doing when a test on it failed: it is gone before anyone can look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.playbook.target import Target

LINES = 25


@contextmanager
def explained(target: Target, *asked: str) -> Iterator[None]:
    """A failure within says, beside itself, what runs, the load, and what each of these commands prints."""
    try:
        yield
    except AssertionError as error:
        error.add_note(shown(target, "free -m", *asked))
        raise


def shown(target: Target, *asked: str) -> str:
    """The load, what runs of the stack, and the end of what each of these commands prints."""
    ours = f"--filter label=jira-plus-plus.stack={target.stack}"
    runs = f"docker ps --all {ours} --format '{{{{.Names}}}} {{{{.Status}}}}'"
    return "\n".join(
        f"$ {command}\n{target.ssh(f'{{ {command}; }} 2>&1 | tail -n {LINES}', check=False)}"
        for command in ("uptime", runs, *asked)
    )


def log(service: str) -> str:
    """The command that prints the end of what a service of UAT said, though its container be gone."""
    return f"sudo journalctl -t jira-uat-{service} --output=short-iso -n {LINES}"
