"""The memory budget: what all containers may use together, against what the server has."""

from dataclasses import dataclass

from components.settings.catalogue import known
from components.settings.host import Host
from components.settings.monitoring import Monitoring
from components.settings.release import Release
from components.settings.services import Services

OS_RESERVE_MB = 512
"""Left for the kernel, systemd, sshd and Docker; also covers what a server of nominal 4 GB does not show."""


@dataclass(frozen=True)
class MemoryBudget:
    """All in MB: the limits of what runs for good, and what a release adds for a while."""

    services: dict[str, int]
    release_mb: int
    reserve_mb: int
    server_mb: int | None

    @property
    def limit_mb(self) -> int:
        """What must fit: the services, a release's overlap and the reserve."""
        return sum(self.services.values()) + self.release_mb + self.reserve_mb


def memory_budget(host: Host, services: Services, release: Release, monitoring: Monitoring) -> MemoryBudget:
    """The budget of a stack. `server_mb` is None where nobody knows it (kind local without `memory_mb`)."""
    canary = services.api.memory_mb * (release.canary is not None)
    consumers = services.autoheal.enabled + services.watchtower.enabled
    standing = {
        "postgres": services.postgres.memory_mb,
        "temporal": services.temporal.memory_mb,
        "temporal_ui": services.temporal_ui.memory_mb,
        "traefik": services.traefik.memory_mb,
        "socket_proxy": services.socket_proxy.memory_mb * consumers,
        "autoheal": services.autoheal.memory_mb * services.autoheal.enabled,
        "watchtower": services.watchtower.memory_mb * services.watchtower.enabled,
        "api": services.api.memory_mb,
        "api_canary": canary,
        "worker": services.worker.memory_mb,
        "web": services.web.memory_mb,
        "web_before": services.web.memory_mb,  # for the assets of the build before, see `Cutover`
        "backup": services.backup.memory_mb,
    }
    if monitoring.runs_on(host):
        standing |= {
            name: getattr(services, name).memory_mb
            for name in ("metrics", "postgres_exporter", "node_exporter", "alerts", "alertmanager")
        }
    if monitoring.logs_on(host):
        standing["logs"] = services.logs.memory_mb
    if monitoring.shown_on(host):
        standing["grafana"] = services.grafana.memory_mb
    # What an update replaces of these is there twice until the cutover; the backup job and then the migration
    # have ended before they start.
    overlap = canary + sum(
        service.memory_mb for service in (services.api, services.worker, services.web, services.temporal_ui)
    )
    most = max(overlap, services.backup.memory_mb, services.migration.memory_mb)
    return MemoryBudget(standing, most, OS_RESERVE_MB, server_memory_mb(host))


def server_memory_mb(host: Host) -> int | None:
    """The memory of the stack's machine in MB, if known."""
    server_type = known(host.server_type) if host.kind == "hetzner" else None
    return server_type.memory_mb if server_type else host.memory_mb
