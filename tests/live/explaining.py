"""What a machine was doing when a test on it failed: it is gone before anyone can look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.playbook.target import Target

LINES = 25
READY = (
    "docker exec $(docker ps -q --filter label=jira-plus-plus.service=api) node -e "
    "'fetch(`http://127.0.0.1:${process.env.PORT}/ready`).then(r => r.text()).then(console.log)'"
)
"""The command that prints what the API thinks of what it needs."""


@contextmanager
def explained(target: Target, *asked: str) -> Iterator[None]:
    """A failure within says, beside itself, what runs, the load, and what each of these commands prints."""
    try:
        yield
    except AssertionError as error:
        for command in ("uptime", "free -m", "docker ps --all --format '{{.Names}} {{.Status}}'", *asked):
            said = target.ssh(f"{{ {command}; }} 2>&1 | tail -n {LINES}", check=False)
            error.add_note(f"$ {command}\n{said}")
        raise


def log(service: str) -> str:
    """The command that prints the end of what a service of UAT said, though its container be gone."""
    return f"sudo journalctl -t jira-uat-{service} --output=short-iso -n {LINES}"
