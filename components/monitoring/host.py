"""What the machine knows of the stack, as metrics: a script on it writes them, and an exporter reads them.

The script has to be root to ask Docker and to read the backups' folder. A container that could do the same
would be root of the machine, and this one is asked nothing by anybody.
"""

from collections.abc import Mapping

import pulumi

from components.containers.mount import Mount
from components.host.folders import BACKUPS
from components.host.machine import once
from components.monitoring.unit import Unit
from components.services.application import READY
from components.services.site import Site
from components.settings.backup import Backup

FOLDER = "/srv/jira/metrics"
UNIT = Unit(
    "host-metrics.sh",
    "jira-plus-plus-metrics.service",
    "Writes the metrics of the machine and of Jira++ on it",
    FOLDER,
)
DAY_SECONDS = 24 * 60 * 60


class HostMetrics(pulumi.ComponentResource):
    """The script on the machine, as a unit of systemd. Of a stack without metrics nothing of it is left.

    Not `bootstrap.sh`'s, which is told to a new server at its first boot and may have 32 KiB.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        services: Mapping[str, int],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`services` are those that have to run, and on how many networks each."""
        super().__init__("jira-plus-plus:monitoring:HostMetrics", name, {}, opts)
        host, applications = site.runtime.host, site.settings.services
        if host.data_path is None:
            raise ValueError("a developer's machine is not to be changed")
        words = arguments(
            site.runtime.stack,
            host.data_path,
            site.settings.backup,
            services,
            site.settings.monitoring.rotation_days,
            {"api": f"{applications.api.port}{READY}", "worker": f"{applications.worker.port}{READY}"},
        )
        installed = UNIT.installed(
            f"{name}-installed", site.runtime, words, (FOLDER,), pulumi.ResourceOptions(parent=self)
        )
        # Waits for the command: Docker refuses a source that is not there.
        self._folder = once(FOLDER, installed)
        self.register_outputs({})

    def mount(self, target: str) -> Mount:
        """The mount that brings what it writes into a container."""
        return Mount(source=self._folder, target=target, read_only=True)


def arguments(
    stack: str,
    data_path: str,
    backup: Backup,
    services: Mapping[str, int],
    rotation_days: int,
    ready: Mapping[str, str],
) -> list[str]:
    """What the script is told beside its folder."""
    kinds = {"dump": True, "copy": backup.offsite, "archive": backup.point_in_time, "masked": backup.masked}
    drills = {"copies": backup.offsite, "log": backup.point_in_time}
    return [
        *("--stack", stack, "--data", data_path, "--backups", BACKUPS),
        *(word for kind, there in kinds.items() if there for word in ("--backup", kind)),
        *(
            word
            for kind, bucket in drills.items()
            if bucket
            for word in ("--drill", f"{kind}={bucket.drill_days * DAY_SECONDS}")
        ),
        *("--secret-age", str(rotation_days * DAY_SECONDS)),
        *(word for name, networks in services.items() for word in ("--service", f"{name}={networks}")),
        *(word for name, place in ready.items() for word in ("--ready", f"{name}={place}")),
    ]
