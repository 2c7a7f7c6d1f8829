"""The store of logs: VictoriaLogs, and the script on the machine that brings it what the journal has.

All that containers say is in the machine's journal already (`components.containers.logs`), with what the
machine itself says. A server alone has one: on a developer's machine there is no store.
"""

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.borrowed import BUSYBOX, BUSYBOX_FOLDERS, Borrowed
from components.containers.health import http
from components.containers.limits import Limits
from components.containers.storage import Storage
from components.monitoring.address import LOGS_ALIAS, LOGS_PORT
from components.monitoring.host import FOLDER
from components.monitoring.unit import Unit
from components.services.site import Site

USER = "65534:65534"
"""`nobody`: the image names no user, and its program works as any."""
DATA = "/victoria-logs-data"
FREE_MB = 1024
"""Of the data disk: with less than this it takes nothing more, so that the database can."""
LINE_MB = 1
"""The longest line that it takes, as JSON. What ship_logs.py sends is shorter."""
UNIT = Unit(
    "ship_logs.py",
    "jira-plus-plus-logs.service",
    "Brings what the journal has to the store of logs",
    FOLDER,
)
STATE = "/var/lib/jira-plus-plus/logs"
"""Of the machine: how far its journal was read. Another machine has another journal."""


class Logs(pulumi.ComponentResource):
    """The store and who brings it logs. Its data are on the data disk, and in no backup."""

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:monitoring:Logs", name, {}, opts)
        settings, runtime = site.settings.monitoring, site.runtime
        limits = Limits.of(site.settings.services.logs)
        child = pulumi.ResourceOptions(parent=self)
        data = Storage(f"{name}-data", runtime, runtime.kept("logs"), USER, site.images["logs"], child)
        # Its image has one file, which cannot ask itself how it is.
        busybox = Borrowed(f"{name}-busybox", runtime, site.images["metrics"], BUSYBOX_FOLDERS, child)
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["logs"],
                    user=USER,
                    entrypoint=("/victoria-logs-prod",),
                    arguments=arguments(limits.memory_mb, settings.log_days, settings.log_disk_mb),
                    limits=limits,
                    networks=("edge-metrics",),
                    aliases=(LOGS_ALIAS,),
                    mounts=(data.mount(DATA), *busybox.mounts),
                ),
                health=Health(command=(BUSYBOX, *http(LOGS_PORT, "/health")), interval=3),
                # Two on one folder destroy it; the second does not start while the first has it.
                release=Release(order="stop-first", grace=30),
                watched_image=site.images.tag("logs"),
            ),
            runtime,
            site.networks,
            child,
        )
        UNIT.installed(
            f"{name}-shipped",
            runtime,
            words(runtime.prefix, shared=site.settings.host.shared),
            (STATE, f"{FOLDER}/logs.prom"),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def arguments(memory_mb: int, days: int, disk_mb: int) -> tuple[str, ...]:
    """The command line for a container of so many MiB.

    https://docs.victoriametrics.com/victorialogs/#list-of-command-line-flags
    Two fifths for its caches, as `components.monitoring.metrics`. A day at a time makes room on the disk.
    """
    flags = {
        "storageDataPath": DATA,
        "retentionPeriod": f"{days}d",
        "retention.maxDiskSpaceUsageBytes": f"{disk_mb}MiB",
        "storage.minFreeDiskSpaceBytes": f"{FREE_MB}MiB",
        "memory.allowedBytes": f"{memory_mb * 2 // 5}MiB",
        "insert.maxLineSizeBytes": f"{LINE_MB}MiB",
        "search.maxConcurrentRequests": "2",
        "search.maxQueryDuration": "20s",
        "loggerFormat": "json",
    }
    return tuple(f"-{name}={value}" for name, value in flags.items())


def words(prefix: str, *, shared: bool) -> list[str]:
    """What the script is told beside its folder; of a `shared` machine it brings the stack's own alone."""
    return [
        *("--prefix", f"{prefix}-", "--store", f"{prefix}-logs:{LOGS_PORT}"),
        *("--state", STATE),
        *(("--ours",) if shared else ()),
    ]
