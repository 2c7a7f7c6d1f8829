"""Where what a container says is kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.containers.runtime import Runtime


@dataclass(frozen=True)
class Logs:
    """A log driver of Docker and its options."""

    driver: str
    options: Mapping[str, str]

    @classmethod
    def of(cls, runtime: Runtime, service: str) -> "Logs":
        """On a server the machine's journal: it outlives the container, and `bootstrap.sh` bounds it.

        A developer's Docker may have none (Docker Desktop's machine): there a bounded file, which ends with
        the container. CIS Docker Benchmark 2.12: Docker's default, json-file, grows without bound.
        """
        if runtime.host.journal:
            # By this identifier `journalctl -t` finds all containers of a service, also those that are gone.
            return cls("journald", {"tag": f"{runtime.prefix}-{service}"})
        return cls("local", {"max-size": "10m", "max-file": "3"})
