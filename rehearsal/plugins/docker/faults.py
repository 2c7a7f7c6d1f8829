"""What goes wrong on purpose with recorded containers."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from rehearsal.plugins.docker.engine import EngineError


@dataclass(frozen=True)
class Faults:
    """`faults.json`, with patterns (`*jira-api*`) for a container's name or its image's names.

    `unhealthy`: never becomes healthy. `exits`: ends as soon as it is started. `healthy_after_seconds`:
    how long the others take (0: at once). `refused`: pattern to the message with which its start is refused.
    `volumes_take_seconds`: how long the answer takes after a volume has been made.
    `failing_commands`: name of a command's resource to what it says before it ends with 1.
    """

    unhealthy: tuple[str, ...] = ()
    exits: tuple[str, ...] = ()
    healthy_after_seconds: float = 0.0
    refused: tuple[tuple[str, str], ...] = ()
    volumes_take_seconds: float = 0.0
    failing_commands: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Faults:
        """The faults that are in force. Raises `EngineError` for a file that is not understood."""
        path = folder / "faults.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            unknown = found.keys() - {field.name for field in fields(cls)}
        except FileNotFoundError:
            return cls()
        except (ValueError, AttributeError):
            raise EngineError(500, f"{path} is no JSON object: correct or remove it") from None
        if unknown:
            raise EngineError(500, f"{path}: unknown fault {', '.join(sorted(unknown))}: remove it")
        return cls(
            tuple(found.get("unhealthy", ())),
            tuple(found.get("exits", ())),
            float(found.get("healthy_after_seconds", 0)),
            tuple(found.get("refused", {}).items()),
            float(found.get("volumes_take_seconds", 0)),
            tuple(found.get("failing_commands", {}).items()),
        )
