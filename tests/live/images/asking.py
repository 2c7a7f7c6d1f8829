"""What the tests ask of a container."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from docker.models.containers import Container
from requests import exceptions

Run = Callable[..., Container]


def until(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits for the check to hold."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def succeeds(container: Container, *command: str, **options: Any) -> bool:
    """Whether a command in the container, which has to run, ends with 0."""
    container.reload()
    assert container.status == "running", container.logs().decode()[-1500:]
    return bool(container.exec_run(list(command), **options).exit_code == 0)


def output(container: Container, *command: str, **options: Any) -> str:
    """What a command in the container prints; it has to end with 0."""
    done = container.exec_run(list(command), **options)
    assert done.exit_code == 0, f"{command}: {done.output.decode()}"
    return str(done.output.decode().strip())


def finished(container: Container, seconds: int = 60) -> str:
    """What a container printed that runs to its end, which has to be 0."""
    try:
        code = container.wait(timeout=seconds)["StatusCode"]
    except (exceptions.ConnectionError, exceptions.ReadTimeout):
        code = f"none within {seconds} s"
    log = container.logs().decode()
    assert code == 0, f"exit code {code}: {log[-2000:]}"
    return str(log.strip())
