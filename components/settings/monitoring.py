"""Whether the stack is looked at while nobody looks, and how long it is remembered."""

from typing import Annotated

from pydantic import Field

from components.settings.host import Host
from components.settings.number import between
from components.settings.section import Section


class Monitoring(Section):
    """Metrics and logs of every service and of the machine, on the machine itself."""

    enabled: bool | None = Field(
        None, description="whether it runs; left out, it does for every kind but local"
    )
    retention_days: Annotated[int, between(1, 3650, "days")] = Field(
        30, description="how long metrics are kept, on the data disk"
    )
    rotation_days: Annotated[int, between(1, 3650, "days")] = Field(
        365, description="how old a secret may be before that is told (`make rotate`)"
    )
    logs: bool | None = Field(
        None,
        description="whether logs are kept where they can be searched; left out, they are where this runs,"
        " but for kind local",
    )
    log_days: Annotated[int, between(1, 3650, "days")] = Field(
        30, description="how long logs are kept, on the data disk"
    )
    log_disk_mb: Annotated[int, between(128, 1_000_000, "MB")] = Field(
        2048, description="what logs may use of the data disk, on which the oldest days make room"
    )
    grafana: bool = Field(
        False,
        description="whether Grafana shows them, too, at domain.grafana; the store has pages of its own",
    )

    def runs_on(self, host: Host) -> bool:
        """Whether it runs on a host of that kind. Nothing on a developer's machine outlives a working day."""
        return host.kind != "local" if self.enabled is None else self.enabled

    def logs_on(self, host: Host) -> bool:
        """Whether logs are kept on a host of that kind: a developer's machine has no journal."""
        return self.runs_on(host) and (host.kind != "local" if self.logs is None else self.logs)

    def shown_on(self, host: Host) -> bool:
        """Whether Grafana runs there."""
        return self.grafana and self.runs_on(host)
