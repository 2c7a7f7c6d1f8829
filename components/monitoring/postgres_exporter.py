"""The metrics of the database: an exporter with a login of its own, which reads no row."""

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.services.postgres import Postgres
from components.services.site import Site

USER = "65534:65534"
"""`nobody`, as the image has it."""
PORT = 9187
ALIAS = "postgres-exporter"
PASSWORD = "/run/secrets/monitoring"  # noqa: S105 # a path


class PostgresExporter(pulumi.ComponentResource):
    """The exporter; what it may ask is that of the role `monitoring` (`components/services/roles.sh`)."""

    def __init__(
        self, name: str, site: Site, postgres: Postgres, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:monitoring:PostgresExporter", name, {}, opts)
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["postgres_exporter"],
                    user=USER,
                    entrypoint=("/bin/postgres_exporter",),
                    arguments=(
                        f"--web.listen-address=:{PORT}",
                        *("--log.format=json", "--log.level=warn"),
                        *("--collector.postmaster", "--collector.long_running_transactions"),
                    ),
                    environment={
                        # To none of the application's databases: one that is exchanged for another must have
                        # no session, and this one stays.
                        "DATA_SOURCE_URI": "postgres:5432/postgres?sslmode=disable",
                        "DATA_SOURCE_USER": "monitoring",
                        "DATA_SOURCE_PASS_FILE": PASSWORD,
                    },
                    files={PASSWORD: site.credentials.monitoring},
                    limits=Limits.of(site.settings.services.postgres_exporter),
                    networks=("metrics-postgres", "data"),
                    aliases=(ALIAS,),
                ),
                # Not /metrics: each look would be one at the database.
                health=Health(command=http(PORT, "/"), interval=3),
                release=Release(order="stop-first", grace=5),
                watched_image=site.images.tag("postgres_exporter"),
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
            depends_on=[postgres.roles],
        )
        self.register_outputs({})
