"""What every way of releasing has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Address:
    """Where the API answers: what is connected to, and by which name it is asked."""

    url: str
    host: str


class Way(Protocol):
    """A stack that is up, and a command that releases another image of its API.

    Its containers are found by the labels `jira-plus-plus.stack` and `jira-plus-plus.service`, whichever way
    they came.
    """

    address: Address

    @property
    def title(self) -> str:
        """As the table names it."""

    @property
    def stack(self) -> str:
        """Its name, which is in the labels."""

    def release(self, image: str) -> None:
        """Runs the command to its end.

        Raises:
            ReleaseFailed: it failed.
        """


class ReleaseFailed(Exception):
    """A release ended with an error; the text has the end of what it said."""
