"""What each container may use. The defaults are production's; a lesser stack lowers them in its file."""

from typing import Annotated

from pydantic import Field

from components.settings.section import Section

Port = Annotated[int, Field(ge=1024, le=65535)]


class Service(Section):
    """The limits of one container: memory in MiB (no swap beyond it) and a share of cpu cores."""

    memory_mb: int
    cpus: float


class Postgres(Service):
    """The database."""

    memory_mb: int = 2048
    cpus: float = 2.0


class Temporal(Service):
    """The Temporal server, its four roles in one process."""

    memory_mb: int = 1024
    cpus: float = 1.0
    history_shards: int = 4
    """Fixed for the life of the database (numHistoryShards)."""
    namespace: str = "jira"


class Application(Service):
    """A container that is replaced without a gap: the new one is healthy before the old one drains and goes."""

    command: tuple[str, ...]
    """The whole argument vector that the entrypoint shim executes."""
    port: Port
    drain_seconds: int = Field(default=5, ge=0, le=120)


class TemporalUi(Application):
    """Temporal's web interface, behind basic authentication."""

    memory_mb: int = 128
    cpus: float = 0.25
    command: tuple[str, ...] = ("./start-ui-server.sh",)
    port: Port = 8080


class Api(Application):
    """The GraphQL API."""

    memory_mb: int = 768
    cpus: float = 1.0
    command: tuple[str, ...] = ("node", "dist/server.js")
    port: Port = 4000


class Worker(Application):
    """The Temporal worker."""

    memory_mb: int = 768
    cpus: float = 1.0
    command: tuple[str, ...] = ("node", "dist/worker.js")
    port: Port = 4001


class Web(Application):
    """The static files of the web application, and `/config.json`."""

    memory_mb: int = 128
    cpus: float = 0.25
    command: tuple[str, ...] = ("node", "server.js")
    port: Port = 8080


class Migration(Service):
    """The one-shot job that brings the schema up to the release, before api and worker."""

    memory_mb: int = 512
    cpus: float = 1.0
    command: tuple[str, ...] = ("node", "dist/migrate.js")
    timeout_seconds: int = Field(default=600, ge=10, le=7200)


class Traefik(Service):
    """The reverse proxy."""

    memory_mb: int = 256
    cpus: float = 0.5


class SocketProxy(Service):
    """The filter before the Docker socket; each consumer of the socket has an instance of this size."""

    memory_mb: int = 32
    cpus: float = 0.1


class Autoheal(Service):
    """Restarts a container that turned unhealthy."""

    memory_mb: int = 32
    cpus: float = 0.1
    enabled: bool = True


class Watchtower(Service):
    """Reports newer base images; it changes nothing."""

    memory_mb: int = 64
    cpus: float = 0.1
    enabled: bool = True


class Backup(Service):
    """The nightly dump, its trial restore and the retention."""

    memory_mb: int = 512
    cpus: float = 1.0


class Services(Section):
    """One section a service."""

    postgres: Postgres = Postgres()
    temporal: Temporal = Temporal()
    temporal_ui: TemporalUi = TemporalUi()
    traefik: Traefik = Traefik()
    socket_proxy: SocketProxy = SocketProxy()
    autoheal: Autoheal = Autoheal()
    watchtower: Watchtower = Watchtower()
    api: Api = Api()
    worker: Worker = Worker()
    web: Web = Web()
    migration: Migration = Migration()
    backup: Backup = Backup()
