"""The serial console of a machine, followed into a file of the state folder."""

from __future__ import annotations

import threading
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container


def follow(container: Container, path: Path, *, since: float) -> None:
    """Appends what the machine prints from that time on (Unix time), until it is powered off.

    The file is 0600: a cloud-init that fails may print what it was given.
    """

    def copy() -> None:
        try:
            with path.open("ab", buffering=0) as file:
                for piece in container.logs(stream=True, follow=True, since=since):
                    file.write(piece.replace(b"\r\n", b"\n"))
        except (DockerException, OSError):
            # The machine is being removed, and its folder with it.
            return

    path.touch(mode=0o600)
    threading.Thread(target=copy, name=f"console-{container.name}", daemon=True).start()
