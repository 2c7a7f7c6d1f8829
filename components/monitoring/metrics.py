"""The store of metrics: VictoriaMetrics, which asks every service itself and has an interface of its own."""

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.containers.storage import Storage
from components.monitoring import alertmanager, alerts, node_exporter, postgres_exporter, scrape
from components.monitoring.address import ALIAS, LOGS_ALIAS, LOGS_PORT, PORT
from components.monitoring.pages import of_stack, vmui
from components.services import temporal, traefik
from components.services.site import Site

USER = "65534:65534"
"""`nobody`: the image names no user, and its program works as any."""
DATA = "/victoria-metrics-data"
SCRAPE = "/etc/jira/scrape.json"
DASHBOARDS = "/etc/jira-dashboards"
FREE_MB = 1024
"""Of the data disk: with less than this it takes nothing more, so that the database can."""


class Metrics(pulumi.ComponentResource):
    """The store. Its data are on the data disk beside the database's, and in no backup of that."""

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:monitoring:Metrics", name, {}, opts)
        settings = site.settings.services
        child = pulumi.ResourceOptions(parent=self)
        # As the database's: never a folder of the root disk because the data disk is not there.
        data = Storage(
            f"{name}-data",
            site.runtime,
            site.runtime.kept("metrics"),
            USER,
            site.images["metrics"],
            child,
        )
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["metrics"],
                    user=USER,
                    entrypoint=(
                        "/victoria-metrics-prod",
                        *arguments(settings.metrics.memory_mb, site.settings.monitoring.retention_days),
                    ),
                    files={
                        SCRAPE: scrape.config(
                            asked={
                                "metrics": f"127.0.0.1:{PORT}",
                                "traefik": f"{site.runtime.prefix}-traefik:{traefik.PING_PORT}",
                                "temporal": f"temporal:{temporal.METRICS_PORT}",
                                "postgres": f"{postgres_exporter.ALIAS}:{postgres_exporter.PORT}",
                                "host": f"{node_exporter.ALIAS}:{node_exporter.PORT}",
                                "alerts": f"{alerts.ALIAS}:{alerts.PORT}",
                                "alertmanager": f"{alertmanager.ALIAS}:{alertmanager.PORT}",
                                **({"logs": f"{LOGS_ALIAS}:{LOGS_PORT}"} if site.settings.logged else {}),
                            },
                            found={
                                "api": ("api", settings.api.port),
                                "worker": ("worker", settings.worker.port),
                            },
                            labels={"instance": site.runtime.stack},
                        ),
                        **{
                            f"{DASHBOARDS}/{name}": content
                            for name, content in vmui.files(of_stack(site.settings)).items()
                        },
                    },
                    limits=Limits.of(settings.metrics),
                    networks=(
                        "edge-metrics",
                        "metrics-application",
                        "metrics-postgres",
                        "metrics-host",
                        "metrics-alerts",
                        *(("metrics-grafana",) if site.settings.shown else ()),
                    ),
                    aliases=(ALIAS,),
                    mounts=(data.mount(DATA),),
                ),
                health=Health(command=http(PORT, "/health"), interval=3),
                # Two on one folder destroy it; the second does not start while the first has it.
                release=Release(order="stop-first", grace=30),
                watched_image=site.images.tag("metrics"),
            ),
            site.runtime,
            site.networks,
            child,
        )
        self.register_outputs({})


def arguments(memory_mb: int, retention_days: int) -> tuple[str, ...]:
    """The command line for a container of so many MiB.

    https://docs.victoriametrics.com/victoriametrics/single-server-victoriametrics/#list-of-command-line-flags
    Two fifths for its caches; the rest is for queries, for what is being written and for Go's heap, which may
    be twice as large as what is in use.
    """
    flags = {
        "storageDataPath": DATA,
        "retentionPeriod": f"{retention_days}d",
        "storage.minFreeDiskSpaceBytes": f"{FREE_MB}MiB",
        "promscrape.config": SCRAPE,
        "memory.allowedBytes": f"{memory_mb * 2 // 5}MiB",
        "search.maxConcurrentRequests": "4",
        "search.maxQueryDuration": "20s",
        "vmui.customDashboardsPath": DASHBOARDS,
        "vmalert.proxyURL": f"http://{alerts.ALIAS}:{alerts.PORT}",  # the alerts that fire, in its interface
        "loggerFormat": "json",
    }
    return tuple(f"-{name}={value}" for name, value in flags.items())
