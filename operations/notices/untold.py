"""What could not be told, kept until a later run can: on this machine, and from there on the stack's own.

On the stack's any runner finds it; the next one in CI is another machine. Not with the machine's
Alertmanager: a stack need not have one, and a deploy that fails before there is a machine is just what must
be told.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from operations.notes import Notes
from operations.notices.notice import Notice
from operations.place import Place

KEPT = 50
"""The newest: after an outage of weeks nobody reads more."""

Kept = tuple[str, Notice]
"""The name of the channel that has not heard of it, and what."""


@dataclass(frozen=True)
class Here:
    """In a file of this machine."""

    file: Path

    def read(self) -> list[Kept]:
        """The oldest first."""
        return _read(self.file.read_text(encoding="utf-8")) if self.file.exists() else []

    def write(self, kept: Iterable[Kept]) -> None:
        """In place of what is there."""
        lines = _lines(kept)
        if not lines:
            self.file.unlink(missing_ok=True)
            return
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(lines, encoding="utf-8")
        unfinished.replace(self.file)


@dataclass(frozen=True)
class There:
    """In a file at the stack's machine."""

    place: Place
    notes: Notes

    def read(self) -> list[Kept]:
        """The oldest first.

        Raises:
            OSError, subprocess.SubprocessError: the machine cannot be asked.
        """
        return _read(self.place.run(f"{self.notes.sudo}cat {self._file} 2>/dev/null"))

    def write(self, kept: Iterable[Kept]) -> None:
        """In place of what is there; raises as `read`."""
        script = (
            'umask 077; mkdir -p "$(dirname "$1")"; cat >"$1.new"; '
            'if [ -s "$1.new" ]; then mv "$1.new" "$1"; else rm -f "$1" "$1.new"; fi'
        )
        self.place.run(f"{self.notes.sudo}sh -c {shlex.quote(script)} sh {self._file}", _lines(kept))

    @property
    def _file(self) -> str:
        return shlex.quote(f"{self.notes.folder}/untold")


def _lines(kept: Iterable[Kept]) -> str:
    lines = [json.dumps({"channel": channel, "notice": notice.as_dict()}) for channel, notice in kept]
    return "".join(f"{line}\n" for line in lines[-KEPT:])


def _read(text: str) -> list[Kept]:
    found = []
    for line in text.splitlines():
        with suppress(ValueError, TypeError, KeyError):
            kept = json.loads(line)
            found.append((str(kept["channel"]), Notice.of(kept["notice"])))
    return found
