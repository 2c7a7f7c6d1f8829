"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A thing that is not well: its name, its state in words, and what to do."""

    name: str
    state: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name} {self.state}; {self.remedy}"
