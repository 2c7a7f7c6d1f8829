"""What every way of releasing has."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Protocol

SERVED_SECONDS = 60
"""A proxy takes a moment to learn of a container."""


@dataclass(frozen=True)
class Address:
    """Where the API answers: what is connected to, and by which name it is asked."""

    url: str
    host: str

    def served(self) -> None:
        """Waits until it answers there.

        Raises:
            ReleaseFailed: it does not.
        """
        request = urllib.request.Request(f"{self.url}/health", headers={"Host": self.host})
        until = time.monotonic() + SERVED_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5):
                    return
            except (urllib.error.URLError, OSError) as error:
                if time.monotonic() > until:
                    raise ReleaseFailed(f"{self.url} as {self.host}: {error}") from None
            time.sleep(0.2)


class Way(Protocol):
    """A stack that is up, and a command that releases another image of its API.

    Its containers are found by the labels `jira-plus-plus.stack` and `jira-plus-plus.service`, whichever way
    they came.
    """

    address: Address
    awaits_health: bool
    """Whether it ends the old container only once the new one is healthy."""

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
