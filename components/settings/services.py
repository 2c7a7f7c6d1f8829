"""What each container may use. The defaults are production's; a lesser stack lowers them in its file."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from components.settings.number import between
from components.settings.problem import wrong
from components.settings.section import Section
from components.settings.text import matching

Cpus = Annotated[float, between(0.05, 64, "cores")]
Port = Annotated[int, between(1024, 65535)]
DrainSeconds = Annotated[int, between(0, 120, "seconds")]
DRAIN = "how long the old container serves on after SIGTERM; the proxy sends it nothing new by then"
Command = Annotated[
    tuple[
        Annotated[str, matching(r"\S(.*\S)?", "is blank, or begins or ends so", "write one word an item")],
        ...,
    ],
    Field(min_length=1),
]


class Service(Section):
    """The limits of one container."""

    least_memory_mb: ClassVar[int] = 16
    """Below this the process does not start, or is killed in its first minutes."""

    memory_mb: int = Field(description="limit on memory in MB; there is no swap beyond it")
    cpus: Cpus = Field(description="limit on cpu in cores")

    @field_validator("memory_mb")
    @classmethod
    def _enough(cls, value: int) -> int:
        if value < cls.least_memory_mb:
            raise wrong("is too little for this service to run", f"give it {cls.least_memory_mb} MB or more")
        return value


class Postgres(Service):
    """The database."""

    least_memory_mb = 256
    memory_mb: int = 2048
    cpus: Cpus = 2.0


class Temporal(Service):
    """The Temporal server, its four roles in one process."""

    least_memory_mb = 256
    memory_mb: int = 1024
    cpus: Cpus = 1.0
    history_shards: Annotated[int, between(1, 16384)] = Field(
        4, description="numHistoryShards: fixed for the life of the database"
    )
    namespace: Annotated[
        str,
        matching(
            r"[a-z0-9][a-z0-9-]{1,62}",
            "is no namespace",
            "use lower-case letters, digits and hyphens, e.g. jira",
        ),
        matching(r"(?!temporal-system$).*", "is Temporal's own namespace", "choose another, e.g. jira"),
    ] = Field("jira", description="the namespace of Jira++")


class Application(Service):
    """A container that is replaced without a gap: the new one is healthy before the old one goes."""

    command: Command = Field(description="the whole argument vector, which the entrypoint shim executes")
    port: Port = Field(description="the port that it listens on, inside its network")
    drain_seconds: DrainSeconds = Field(5, description=DRAIN)


class Client(Application):
    """A container of the application that keeps a pool of connections to the database."""

    drain_seconds: DrainSeconds = Field(1, description=DRAIN)
    database_connections: Annotated[int, between(1, 50)] = Field(
        10,
        description="its pool, `connection_limit` of DATABASE_URL; Postgres allows it twice, for a release",
    )


class TemporalUi(Application):
    """Temporal's web interface, behind basic authentication."""

    least_memory_mb = 32
    memory_mb: int = 96
    cpus: Cpus = 0.25
    command: Command = ("./start-ui-server.sh",)
    port: Port = 8080


class Api(Client):
    """The GraphQL API."""

    least_memory_mb = 128
    memory_mb: int = 640
    cpus: Cpus = 1.0
    command: Command = ("node", "dist/server.js")
    port: Port = 4000


class Worker(Client):
    """The Temporal worker."""

    least_memory_mb = 128
    memory_mb: int = 640
    cpus: Cpus = 1.0
    command: Command = ("node", "dist/worker.js")
    port: Port = 4001


class Web(Application):
    """The static files of the web application, and `/config.json`."""

    least_memory_mb = 32
    memory_mb: int = 128
    cpus: Cpus = 0.25
    command: Command = ("node", "server.js")
    port: Port = 8080


class Migration(Service):
    """The one-shot job that brings the schema up to the release, before api and worker."""

    least_memory_mb = 128
    memory_mb: int = 512
    cpus: Cpus = 1.0
    command: Command = Field(
        ("node", "dist/migrate.js"), description="the whole argument vector, in the API's image"
    )
    timeout_seconds: Annotated[int, between(10, 7200, "seconds")] = Field(
        600, description="after which it has failed"
    )


class Traefik(Service):
    """The reverse proxy."""

    least_memory_mb = 64
    memory_mb: int = 256
    cpus: Cpus = 0.5


class SocketProxy(Service):
    """The filter before the Docker socket; each consumer of the socket has an instance of this size."""

    memory_mb: int = 32
    cpus: Cpus = 0.1


class Autoheal(Service):
    """Restarts a container that turned unhealthy."""

    memory_mb: int = 32
    cpus: Cpus = 0.1
    enabled: bool = Field(True, description="whether it runs")


class Watchtower(Service):
    """Reports newer base images; it changes nothing."""

    least_memory_mb = 32
    memory_mb: int = 64
    cpus: Cpus = 0.1
    enabled: bool = Field(True, description="whether it runs")


class Backup(Service):
    """The nightly dump, its trial restore and the retention."""

    least_memory_mb = 64
    memory_mb: int = 512
    cpus: Cpus = 1.0


class Metrics(Service):
    """VictoriaMetrics: it asks every service for its metrics, and keeps them."""

    least_memory_mb = 96
    memory_mb: int = 256
    cpus: Cpus = 0.5


class Logs(Service):
    """VictoriaLogs: it keeps what the containers and the machine say."""

    least_memory_mb = 96
    memory_mb: int = 128
    cpus: Cpus = 0.5


class PostgresExporter(Service):
    """Tells the metrics of the database."""

    memory_mb: int = 32
    cpus: Cpus = 0.1


class NodeExporter(Service):
    """Tells the metrics of the machine."""

    memory_mb: int = 32
    cpus: Cpus = 0.1


class Alerts(Service):
    """vmalert: it evaluates the rules of alerts."""

    least_memory_mb = 32
    memory_mb: int = 48
    cpus: Cpus = 0.1


class Alertmanager(Service):
    """Groups alerts, and tells of them."""

    least_memory_mb = 32
    memory_mb: int = 48
    cpus: Cpus = 0.1


class Grafana(Service):
    """Shows the metrics, and keeps nothing."""

    least_memory_mb = 192
    memory_mb: int = 256
    cpus: Cpus = 0.5


class Services(Section):
    """One section a service."""

    postgres: Postgres = Field(Postgres(), description="the database")
    temporal: Temporal = Field(Temporal(), description="the Temporal server")
    temporal_ui: TemporalUi = Field(TemporalUi(), description="Temporal's interface")
    traefik: Traefik = Field(Traefik(), description="the reverse proxy")
    socket_proxy: SocketProxy = Field(SocketProxy(), description="each filter before the Docker socket")
    autoheal: Autoheal = Field(Autoheal(), description="restarts what turned unhealthy")
    watchtower: Watchtower = Field(Watchtower(), description="reports newer base images")
    api: Api = Field(Api(), description="the GraphQL API")
    worker: Worker = Field(Worker(), description="the Temporal worker")
    web: Web = Field(Web(), description="the web application")
    migration: Migration = Field(Migration(), description="the one-shot schema migration")
    backup: Backup = Field(Backup(), description="the nightly dump")
    metrics: Metrics = Field(Metrics(), description="the store of metrics")
    logs: Logs = Field(Logs(), description="the store of logs")
    postgres_exporter: PostgresExporter = Field(PostgresExporter(), description="the metrics of the database")
    node_exporter: NodeExporter = Field(NodeExporter(), description="the metrics of the machine")
    alerts: Alerts = Field(Alerts(), description="the rules of alerts")
    alertmanager: Alertmanager = Field(Alertmanager(), description="who is told of alerts")
    grafana: Grafana = Field(Grafana(), description="shows the metrics")
