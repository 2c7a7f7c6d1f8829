"""Where commands note what concerns a stack, at the machine that it runs on: any runner finds it there."""

from __future__ import annotations

from dataclasses import dataclass

from components.host.folders import DATA, files_root


@dataclass(frozen=True)
class Notes:
    """The folder, and what a command that writes there begins with (empty: nothing need come before it)."""

    folder: str
    sudo: str

    @classmethod
    def of(cls, stack: str, kind: str) -> Notes:
        """Beside a server's data, which are root's, else with the stack's files; `kind`: `host.kind`."""
        return cls(DATA[kind], "sudo ") if kind in DATA else cls(str(files_root(stack)), "")
