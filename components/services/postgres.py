"""The database: one server, with a role and a database for the application and for Temporal."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.in_place import InPlace
from components.containers.limits import Limits
from components.containers.storage import Storage
from components.services import postgres_major
from components.services.archive import SOCKET, Archive
from components.services.connections import Connections, connections
from components.services.site import Site
from components.settings import images

HERE = Path(__file__).parent
USER = "999:999"
"""`postgres` in the official Debian image."""
DATA = "/var/lib/postgresql/data"
DATABASES = ("jira", "temporal", "temporal_visibility")
ROLES = ("postgres", "jira", "migration", "temporal", "backup", "monitoring")
"""Those that `roles.sh` makes, of which two may log in by another name (`logins.py`)."""
PASSWORDS = "/run/roles"
"""A file for each of them."""


class Postgres(pulumi.ComponentResource):
    """The server, and its roles and databases. What depends on `roles` can log in."""

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        settings, credentials, host = site.settings.services.postgres, site.credentials, site.runtime.host
        hooks = postgres_major.kept(name, site.runtime.stack, site.settings.host.kind == "local")
        super().__init__(
            "jira-plus-plus:services:Postgres",
            name,
            {postgres_major.INPUT: images.postgres_major(site.images.tag(site.postgres_image))},
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(hooks=hooks)),
        )
        shares = connections(site.settings.services)
        child = pulumi.ResourceOptions(parent=self)
        # A folder of the data disk, not its root: `lost+found` would stop initdb.
        data = Storage(
            f"{name}-data",
            site.runtime,
            site.runtime.kept("postgres"),
            USER,
            site.images[site.postgres_image],
            child,
        )
        self.data = data.mount(DATA)
        """Where the cluster is."""
        archive = Archive.of(f"{name}-socket", site, USER, DATA, child)
        self.archive = archive
        """Where its log goes; None: nowhere."""
        # A server that starts on another's data, or on another major version's, is down until somebody looks.
        guard = (
            [
                host.run(
                    f"{name}-guard",
                    create=pulumi.Output.all(self.data.source, site.images[site.postgres_image]).apply(
                        lambda known: (
                            f"{host.sudo}{shlex.join(['sh', '-s', '--', *known, site.runtime.stack])}"
                        )
                    ),
                    stdin=(HERE / "data-guard.sh").read_text(encoding="utf-8"),
                    triggers=[site.images[site.postgres_image]],
                    opts=child,
                )
            ]
            if host.data_path
            else []
        )
        # Files, for the image can read them; the shim would put them into the environment. In place, for
        # another password is no reason to stop the server.
        passwords = InPlace(
            f"{name}-passwords",
            site.runtime,
            {role: credentials.made[role] for role in ROLES},
            PASSWORDS,
            USER,
            child,
        )
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images[site.postgres_image],
                    user=USER,
                    entrypoint=(
                        "docker-entrypoint.sh",
                        *arguments(settings.memory_mb, shares, archive.arguments if archive else {}),
                    ),
                    environment={
                        "PGDATA": DATA,
                        "POSTGRES_USER": "postgres",
                        "POSTGRES_PASSWORD_FILE": f"{PASSWORDS}/postgres",
                        # C.UTF-8 sorts by code point in every libc: no update of it breaks an index on text.
                        "POSTGRES_INITDB_ARGS": "--data-checksums --encoding=UTF8 --locale=C.UTF-8"
                        " --auth-local=trust --auth-host=scram-sha-256",
                        **(archive.environment if archive else {}),
                    },
                    files={
                        "/etc/jira/roles.sh": (HERE / "roles.sh").read_text(encoding="utf-8"),
                        "/etc/jira/former-logins.sh": (HERE / "former-logins.sh").read_text(encoding="utf-8"),
                        **(archive.files if archive else {}),
                    },
                    limits=Limits.of(settings),
                    tmpfs={
                        "/tmp": "size=16m",  # noqa: S108
                        **({} if archive else {SOCKET: "size=1m"}),
                    },
                    shm_mb=max(64, settings.memory_mb // 4),  # parallel queries share memory there
                    networks=("data", *(("egress",) if archive else ())),
                    aliases=("postgres",),
                    mounts=(self.data, passwords.mount, *((archive.socket,) if archive else ())),
                ),
                # It is made to be the first process. But what pgBackRest leaves to that ends with an error
                # while a bucket is away, and the server takes it for the crash of one of its own.
                init=archive is not None,
                # Over TCP: during initdb a temporary server listens on the socket only. After a crash it
                # replays its log first, which may take minutes.
                health=Health(
                    command=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres"),
                    interval=2,
                    start_period=300,
                    wait=300,
                ),
                # Two servers on one data directory destroy it. SIGINT is its fast shutdown, which closes
                # sessions and writes a checkpoint: a kill before its end means a recovery.
                release=Release(order="stop-first", grace=120, signal="SIGINT"),
                autoheal=False,
                watched_image=site.images.tag(site.postgres_image),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=guard,
        )
        logins = (credentials.jira_login, credentials.temporal_login)
        # Through the container's own socket: a database that was restored with other passwords gets ours.
        self.roles = host.run(
            f"{name}-roles",
            create=self.container.name_in_docker.apply(
                lambda container: shlex.join(["docker", "exec", container, *roles(shares, *logins)])
            ),
            triggers=[self.container.resource.id, passwords.digest],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.container, passwords]),
        )
        self.register_outputs({})


def roles(shares: Connections, jira: str = "jira", temporal: str = "temporal") -> tuple[str, ...]:
    """The command that makes roles and databases, in the server's container; who logs in for two of them."""
    limits = (shares.jira, shares.migration, shares.temporal, shares.backup, shares.monitoring)
    return ("bash", "/etc/jira/roles.sh", *map(str, limits), jira, temporal)


def former_logins(jira: str, temporal: str) -> tuple[str, ...]:
    """The command that shuts those of before, in the same place, once nothing uses them."""
    return ("bash", "/etc/jira/former-logins.sh", f"jira={jira}", f"temporal={temporal}")


def arguments(
    memory_mb: int, shares: Connections, besides: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The server's command line for a container of so many MiB and such shares of its connections.

    https://www.postgresql.org/docs/15/runtime-config-resource.html: a quarter for shared buffers; of the rest
    the most is the kernel's cache, which a container's limit bounds, too.
    """
    settings = {
        "listen_addresses": "*",
        "max_connections": str(shares.total),
        "superuser_reserved_connections": str(shares.administrator),
        "shared_buffers": f"{memory_mb // 4}MB",
        "effective_cache_size": f"{memory_mb * 5 // 8}MB",
        "maintenance_work_mem": f"{max(16, memory_mb // 16)}MB",
        "work_mem": f"{max(2, memory_mb // 256)}MB",
        "wal_compression": "on",
        "random_page_cost": "1.1",  # volumes are solid state
        "password_encryption": "scram-sha-256",
        "idle_in_transaction_session_timeout": "10min",  # a client that hangs must not hold locks for ever
        "log_line_prefix": "%m [%p] %u@%d ",
        "log_min_duration_statement": "1s",
        "log_lock_waits": "on",
        **(besides or {}),
    }
    return ("postgres", *(word for key, value in settings.items() for word in ("-c", f"{key}={value}")))
