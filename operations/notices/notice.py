"""What is told of a run: in one form for all who hear of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LONGEST = 2500
"""Of a text, in characters: a screen of Slack's. The run's own log has all of it."""
SIGNS = {"begun": "▶", "done": "✅", "failed": "❌", "found": "⚠"}


@dataclass(frozen=True)
class Notice:
    """That something has begun, is done or has failed, of a stack."""

    stack: str
    what: str
    """What was done: `deploy`, `rollback`, `drift`, `drill of the log`, ..."""
    state: str
    """A word of `SIGNS`."""
    words: str = ""
    """What else the first line says, as how long it took."""
    lines: tuple[str, ...] = ()
    when: str = ""
    """In UTC, as `2026-11-28T02:03:04Z`."""

    @property
    def title(self) -> str:
        """In one line."""
        state = "" if self.state == "found" and self.what != "drift" else self.state
        return " ".join(filter(None, (f"{self.stack}: {self.what}", state, self.words)))

    @property
    def sign(self) -> str:
        """By which the eye finds it."""
        return SIGNS[self.state]

    def text(self, late: bool = False) -> str:
        """What stands below the title."""
        told_late = (f"(of {self.when}: it could not be told then)",) if late else ()
        whole = "\n".join((*told_late, *self.lines))
        return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}…"

    def as_dict(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Notice:
        """The one that was kept as JSON.

        Raises:
            TypeError: it is none.
        """
        return cls(**{**kept, "lines": tuple(kept.get("lines") or ())})


def now() -> str:
    """This moment, as a notice has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def who(project: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Who runs this, from which commit, and where more is to be read: lines of a notice."""
    commit = _git(project, "log", "-1", "--format=%h %s (%an)")
    actor = (
        environment.get("GITHUB_ACTOR") or _git(project, "config", "user.name") or environment.get("USER", "")
    )
    lines = [f"by {actor or 'nobody that git knows'}{f', of {commit}' if commit else ''}"]
    if run := environment.get("GITHUB_RUN_ID"):
        lines.append(
            f"{environment.get('GITHUB_SERVER_URL')}/{environment.get('GITHUB_REPOSITORY')}/actions/runs/{run}"
        )
    return lines


def _git(project: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *words], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
