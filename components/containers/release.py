"""In which order an old container goes and a new one comes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Release:
    """`order` of a replacement, and the `grace` in seconds between the stop signal and the kill.

    `start-first`: the new container is healthy before the old one gets its signal, and when it does not get
    healthy the old one still serves. For what keeps no state: no fixed name, no host port, no own volume.

    `stop-first`: two at once would share a data directory, a host port or a task. Its name is fixed, so that
    Docker itself refuses a second one.
    """

    order: Literal["start-first", "stop-first"]
    grace: int
    signal: str = "SIGTERM"

    @property
    def start_first(self) -> bool:
        """Whether the new container comes before the old one goes."""
        return self.order == "start-first"
