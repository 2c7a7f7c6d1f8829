"""Whether a run is the last one again: the same program and settings, for the same stack, from this machine.

Each run of a stack that is there begins with a preview (`Deployment._as_it_was`). The last run again is over
if that finds nothing to change; what a preview does not show, such as another order of dependencies, comes of
another program alone.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from operations.state_folder import state_folder


class Again:
    """The note of the last run that went well, of `stack` of the program in `project`."""

    def __init__(self, project: Path, stack: str, binary: Path, environment: Mapping[str, str]) -> None:
        self._project, self._stack, self._binary = project, stack, binary
        place = f"{environment.get('PULUMI_BACKEND_URL')} {environment.get('PULUMI_HOME')} {project} {stack}"
        self._file = state_folder(environment) / "deployed" / hashlib.sha256(place.encode()).hexdigest()[:16]

    def __bool__(self) -> bool:
        """Whether what is to be run is what the note is of."""
        return self._file.exists() and self._file.read_text() == self._digest()

    def begin(self) -> None:
        """A run begins that may change something: until it has gone well there is no note."""
        self._file.unlink(missing_ok=True)

    def end(self) -> None:
        """It has gone well."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(self._digest())
        unfinished.replace(self._file)

    def _digest(self) -> str:
        """Of the program, the stack file, and what runs them."""
        found = hashlib.sha256(f"{self._binary} {sys.version}".encode())
        for path in self._files():
            found.update(f"{path.relative_to(self._project)}\0".encode() + path.read_bytes() + b"\0")
        return found.hexdigest()

    def _files(self) -> Iterator[Path]:
        for name in ("Pulumi.yaml", f"Pulumi.{self._stack}.yaml", "requirements.txt", "__main__.py"):
            if (self._project / name).exists():
                yield self._project / name
        for path in sorted((self._project / "components").rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                yield path
