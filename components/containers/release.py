"""In which order an old container goes and a new one comes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Release:
    """`order` of a replacement, and the `grace` in seconds between the stop signal and the kill.

    `cutover`: the new container is healthy beside the old one, and has no traffic until
    `components.services.cutover` gives it some. That ends the old one, not the engine: after an update that
    failed, the engine begins the next one with the removal of what it has replaced (`retirePendingDeletes` in
    pulumi/pulumi, pkg/resource/deploy/deployment_executor.go), and that is what still serves.

    `start-first`: the new container is healthy before the old one gets its signal. For what keeps no state
    and has no traffic of users: no fixed name, no host port, no own volume.

    `stop-first`: two at once would share a data directory, a host port or a task. Its name is fixed, so that
    Docker itself refuses a second one.
    """

    order: Literal["cutover", "start-first", "stop-first"]
    grace: int
    signal: str = "SIGTERM"

    @property
    def start_first(self) -> bool:
        """Whether the new container comes before the old one goes."""
        return self.order != "stop-first"

    @property
    def cutover(self) -> bool:
        """Whether the old container is ended by the cutover."""
        return self.order == "cutover"
