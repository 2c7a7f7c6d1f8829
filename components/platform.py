"""The whole of a stack, composed: the only file that knows all the parts."""

import pulumi
import pulumi_docker as docker

from components.backup.backup import Backup
from components.buckets import places
from components.containers import Images, Networks, Runtime
from components.containers.networks import NETWORKS
from components.edge import Edge, EdgeArgs, http_sources
from components.host import Host, HostArgs
from components.monitoring.address import GRAFANA_NAME
from components.monitoring.address import NAME as METRICS_USER
from components.monitoring.alertmanager import Alertmanager
from components.monitoring.alerts import Alerts
from components.monitoring.grafana import Grafana
from components.monitoring.logs import Logs
from components.monitoring.metrics import Metrics
from components.monitoring.node_exporter import NodeExporter
from components.monitoring.postgres_exporter import PostgresExporter
from components.services.api import CANARY, Api
from components.services.autoheal import Autoheal
from components.services.credentials import Credentials
from components.services.cutover import Cutover, Served
from components.services.migration import Migration
from components.services.postgres import Postgres
from components.services.releases import Releases
from components.services.rotated import Rotated
from components.services.site import Site, postgres_image
from components.services.temporal import Temporal
from components.services.temporal_ui import NAME as TEMPORAL_UI_USER
from components.services.temporal_ui import TemporalUi
from components.services.traefik import Traefik
from components.services.watchtower import Watchtower
from components.services.web import Web
from components.services.worker import Worker
from components.settings import Settings, secret, variables
from components.settings.images import LOGS, MONITORING


class Platform(pulumi.ComponentResource):
    """Host, edge, data, workflows, application, ingress and watchers of one stack.

    What starts when follows from health: postgres; its roles; Temporal's schema, server and namespace; a
    backup that was restored; the migration; api and worker. Web and the proxy wait for none of them. A
    release ends with the cutover, which gives it the traffic, and with its record.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:platform:Platform", name, {}, opts)
        stack = pulumi.get_stack()
        child = pulumi.ResourceOptions(parent=self)
        local = settings.host.kind == "local"

        # The machine, and what stands before it
        self.host = Host(
            "host",
            HostArgs(
                stack,
                settings.host,
                http_sources(settings.edge.http_sources),
                secret(pulumi.Config(), "ssh_private_key"),  # for kind existing; None: the ssh agent
                registry_auth=registry_auth(settings),
                backup_at=settings.backup.schedule,
            ),
            child,
        )
        self.edge = Edge(
            "edge",
            EdgeArgs(
                stack,
                settings.domain,
                settings.tls,
                self.host.ipv4,
                self.host.ipv6,
                settings.host.http_port if local else None,
                zone_settings=settings.edge.zone_settings != "keep",
            ),
            child,
        )

        # What the services share
        runtime = Runtime(stack, self.host)
        self.credentials = Credentials("credentials", settings.rotations, child)
        canary = settings.release.canary.image if settings.release.canary else None
        images = Images("image", runtime, settings.images, switched_off(settings), canary, child)
        site = Site(
            settings,
            runtime,
            Networks("network", runtime, networks(settings), child),
            images,
            self.credentials,
            places("bucket", settings.backup, stack, child),
            variables(settings.host, settings.development),
        )

        # Data and workflows
        postgres = Postgres("postgres", site, child)
        temporal = Temporal("temporal", site, postgres, child)
        backup = Backup("backup", site, postgres, [temporal.schema], child)

        # The application
        migration = Migration("migration", site, postgres, backup, child)
        ready = [migration.job, temporal.namespace]
        api = Api("api", site, ready, child)
        worker = Worker("worker", site, ready, child)
        web = Web("web", site, self.edge.urls["api"], child)
        temporal_ui = TemporalUi("temporal-ui", site, temporal, self.edge.urls["temporal"], child)

        # Ingress and watchers
        traefik = Traefik("traefik", site, self.edge.certificate, child)
        containers = [
            postgres.container,
            temporal.server,
            backup.container,
            api.container,
            worker.container,
            web.container,
            temporal_ui.container,
            traefik.container,
        ]
        if settings.services.autoheal.enabled:
            autoheal = Autoheal("autoheal", site, child)
            containers += [autoheal.proxy.container, autoheal.container]
        if settings.services.watchtower.enabled:
            watchtower = Watchtower("watchtower", site, child)
            containers += [watchtower.proxy.container, watchtower.container]

        if settings.monitored:
            exporter = PostgresExporter("postgres-exporter", site, postgres, child)
            metrics = Metrics("metrics", site, child)
            containers += [metrics.container, exporter.container]
            containers.append(Alerts("alerts", site, [metrics.container], child).container)
            containers.append(Alertmanager("alertmanager", site, child).container)
            if settings.logged:
                containers.append(Logs("logs", site, child).container)
            if settings.shown:
                grafana = Grafana("grafana", site, self.edge.urls["grafana"], child)
                containers.append(grafana.container)
            watched = {container.service: len(container.networks) for container in containers}
            containers.append(NodeExporter("node-exporter", site, watched, child).container)

        services = settings.services
        served = [
            Served(api.container, services.api.port),
            Served(web.container, services.web.port),
            Served(temporal_ui.container, services.temporal_ui.port),
        ]
        if canary:
            # It runs on what the API's own image has migrated.
            container = Api(CANARY, site, ready, child).container
            served.append(Served(container, services.api.port))
            containers.append(container)
        cutover = Cutover("cutover", site, traefik, served, [worker.container], child)
        self.releases = Releases("release", site, cutover.resource, child)
        # Once all that logs in has the secrets of now, and the containers of before are gone.
        using: list[pulumi.Resource] = [cutover.resource, *(container.resource for container in containers)]
        self.rotated = Rotated("rotated", site, postgres, using, child)
        images.retire(after=[*containers, cutover.resource])
        self.containers = {container.service: container.name_in_docker for container in containers}
        """The name in Docker of each service's container."""
        self.logins = {
            "admin_email": settings.application.admin_email,
            "admin_password": self.credentials.admin,
            "temporal_ui_user": TEMPORAL_UI_USER,
            "temporal_ui_password": self.credentials.temporal_ui,
            "metrics_user": METRICS_USER,
            "metrics_password": self.credentials.metrics,
        }
        if settings.shown:
            self.logins |= {"grafana_user": GRAFANA_NAME, "grafana_password": self.credentials.grafana}
        """Names and passwords of who may enter, by the outputs that show them."""
        self.register_outputs({"containers": self.containers})


def switched_off(settings: Settings) -> set[str]:
    """The images that the stack does without: of watchers, buckets, monitoring, the database's other form."""
    services = settings.services
    watchers = {name for name in ("autoheal", "watchtower") if not getattr(services, name).enabled}
    databases = {"postgres", "postgres_archiving"} - {postgres_image(settings.backup)}
    return (
        watchers
        | databases
        | (set() if settings.backup.buckets else {"restic"})
        | (set() if settings.monitored else set(MONITORING))
        | (set() if settings.logged else set(LOGS))
        | (set() if settings.shown else {"grafana"})
    )


def networks(settings: Settings) -> list[str]:
    """The networks that the stack's services need."""
    off = switched_off(settings)
    return [
        name
        for name in NETWORKS
        if name.removeprefix("socket-") not in off
        and (settings.monitored or "metrics" not in name.split("-"))
        and (settings.shown or "grafana" not in name.split("-"))
    ]


def registry_auth(settings: Settings) -> list[docker.ProviderRegistryAuthArgs]:
    """The login of the registry, where the images need one."""
    if settings.registry is None:
        return []
    return [
        docker.ProviderRegistryAuthArgs(
            address=settings.registry.server,
            username=settings.registry.username,
            password=pulumi.Config().require_secret("registry_password"),
        )
    ]
