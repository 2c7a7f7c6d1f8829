"""user_data on its way to a machine: kept until the machine has it, then forgotten."""

from __future__ import annotations

from pathlib import Path


class Seeds:
    """One file per server in `user_data/`, readable by the owner alone, since it holds secrets."""

    def __init__(self, folder: Path) -> None:
        """`folder` exists."""
        self._folder = folder / "user_data"

    def keep(self, server_id: int, user_data: str) -> None:
        """Writes it, so that a restart can still make the machine."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / str(server_id)
        path.touch(mode=0o600)
        path.write_text(user_data)

    def read(self, server_id: int) -> str:
        """What was kept; "" if there is nothing."""
        path = self._folder / str(server_id)
        return path.read_text() if path.exists() else ""

    def forget(self, server_id: int) -> None:
        """Removes it."""
        (self._folder / str(server_id)).unlink(missing_ok=True)
