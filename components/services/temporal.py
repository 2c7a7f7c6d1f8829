"""Temporal: its schema in Postgres, its server, and the namespace of Jira++."""

import json
from pathlib import Path

import pulumi

from components.containers import Container, ContainerArgs, Health, Job, JobArgs, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.services.connections import STORE_POOL, VISIBILITY_POOL
from components.services.postgres import Postgres
from components.services.site import Site

HERE = Path(__file__).parent
USER = "1000:1000"
"""`temporal` in the official images."""
CONFIG = "/etc/temporal/config"
PORT = 7233
HTTP_PORT = 7243
METRICS_PORT = 9090
RETENTION = "168h"
"""How long a closed workflow's history stays."""
JOB_LIMITS = Limits(memory_mb=128, cpus=0.5)


class Temporal(pulumi.ComponentResource):
    """Schema job, server, namespace job, in this order; what depends on `namespace` can run workflows."""

    def __init__(
        self, name: str, site: Site, postgres: Postgres, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:services:Temporal", name, {}, opts)
        settings, credentials = site.settings.services.temporal, site.credentials
        child = pulumi.ResourceOptions(parent=self)
        self.schema = Job(
            f"{name}-schema",
            JobArgs(
                process=Process(
                    image=site.images["temporal_admin_tools"],
                    user=USER,
                    entrypoint=("sh", "/etc/jira/schema.sh"),
                    environment={
                        "SQL_PLUGIN": "postgres12",
                        "SQL_HOST": "postgres",
                        "SQL_PORT": "5432",
                        "SQL_USER": credentials.temporal_login,
                    },
                    secrets={"SQL_PASSWORD": credentials.temporal},
                    files={"/etc/jira/schema.sh": (HERE / "schema.sh").read_text(encoding="utf-8")},
                    limits=JOB_LIMITS,
                    networks=("data",),
                    timeout_seconds=300,
                ),
                # A database that was made anew has no schema, though nothing of the job changed.
                triggers=(postgres.container.resource.id,),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[postgres.roles],
        )
        self.server = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["temporal"],
                    user=USER,
                    entrypoint=(
                        "temporal-server",
                        f"--config-file={CONFIG}/server.yaml",
                        "--allow-no-auth",
                        "start",
                    ),
                    files={
                        f"{CONFIG}/server.yaml": credentials.temporal.apply(
                            lambda password: server_config(
                                credentials.temporal_login,
                                password,
                                settings.history_shards,
                                metrics=site.settings.monitored,
                            )
                        ),
                        f"{CONFIG}/dynamic.yaml": dynamic_config(),
                    },
                    limits=Limits.of(settings),
                    networks=("data", "workflow", *site.scraped),
                    aliases=("temporal",),
                ),
                # Over HTTP: for a process that hangs, the kernel still takes the connection of an `nc -z`.
                health=Health(command=http(HTTP_PORT, "/api/v1/system-info"), interval=2, start_period=60),
                # One process owns all shards: a second one would take them from it, and they from each other.
                # It ends within 2 s, unless its database went first, as when the machine shuts down: then it
                # never ends by itself, and has nothing left that it could save.
                release=Release(order="stop-first", grace=10),
                watched_image=site.images.tag("temporal"),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[self.schema],
        )
        self.namespace = Job(
            f"{name}-namespace",
            JobArgs(
                process=Process(
                    image=site.images["temporal_admin_tools"],
                    user=USER,
                    entrypoint=("sh", "/etc/jira/namespace.sh"),
                    environment={
                        "HOME": "/tmp",  # noqa: S108 # the client keeps a configuration there
                        "NAMESPACE": settings.namespace,
                        "RETENTION": RETENTION,
                        "TEMPORAL_ADDRESS": f"temporal:{PORT}",
                    },
                    files={"/etc/jira/namespace.sh": (HERE / "namespace.sh").read_text(encoding="utf-8")},
                    limits=JOB_LIMITS,
                    networks=("workflow",),
                    timeout_seconds=300,
                ),
                triggers=(postgres.container.resource.id,),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[self.server],
        )
        self.register_outputs({})


def server_config(login: str, password: str, history_shards: int, *, metrics: bool) -> str:
    """The server's configuration, with the database's password in it: secret. JSON, which is YAML.

    https://docs.temporal.io/references/configuration; of metrics, which it then tells at `METRICS_PORT`,
    `Config` in common/metrics/config.go of temporalio/temporal at v1.30.6.
    """

    def store(database: str, connections: int) -> dict[str, object]:
        return {
            "sql": {
                "pluginName": "postgres12",
                "databaseName": database,
                "connectAddr": "postgres:5432",
                "connectProtocol": "tcp",
                "user": login,
                "password": password,
                "maxConns": connections,
                "maxIdleConns": connections,
                "maxConnLifetime": "1h",
            }
        }

    def service(port: int, address: str = "127.0.0.1") -> dict[str, dict[str, object]]:
        return {"rpc": {"grpcPort": port, "membershipPort": port - 300, "bindOnIP": address}}

    # Its networks are internal.
    frontend = {"rpc": {**service(PORT, "0.0.0.0")["rpc"], "httpPort": HTTP_PORT}}  # noqa: S104

    # The SDK's framework, with names and units as Prometheus has them: `_total`, and seconds.
    told = {
        "recordTimerInSeconds": True,
        "prometheus": {"framework": "opentelemetry", "listenAddress": f"0.0.0.0:{METRICS_PORT}"},
    }
    config = {
        "log": {"stdout": True, "level": "info"},
        "persistence": {
            "numHistoryShards": history_shards,
            "defaultStore": "default",
            "visibilityStore": "visibility",
            "datastores": {
                "default": store("temporal", STORE_POOL),
                "visibility": store("temporal_visibility", VISIBILITY_POOL),
            },
        },
        "global": {
            # The four services are one process: they find each other on its loopback.
            "membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"},
            "pprof": {"port": 0},
            **({"metrics": told} if metrics else {}),
        },
        "services": {
            "frontend": frontend,
            "history": service(7234),
            "matching": service(7235),
            "worker": service(7239),
        },
        "clusterMetadata": {
            "enableGlobalNamespace": False,
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {
                "active": {
                    "enabled": True,
                    "initialFailoverVersion": 1,
                    "rpcName": "frontend",
                    "rpcAddress": f"127.0.0.1:{PORT}",
                    "httpAddress": f"127.0.0.1:{HTTP_PORT}",
                }
            },
        },
        "dcRedirectionPolicy": {"policy": "noop"},
        "archival": {"history": {"state": "disabled"}, "visibility": {"state": "disabled"}},
        "publicClient": {"hostPort": f"127.0.0.1:{PORT}"},
        "dynamicConfigClient": {"filepath": f"{CONFIG}/dynamic.yaml", "pollInterval": "60s"},
    }
    return json.dumps(config, indent=2) + "\n"


def dynamic_config() -> str:
    """Limits that keep one namespace on a small server within its means. JSON, which is YAML.

    The names are those of `temporal-server validate-dynamic-config`.
    """
    config = {
        "frontend.persistenceMaxQPS": [{"value": 1000}],
        "history.persistenceMaxQPS": [{"value": 2000}],
        "matching.persistenceMaxQPS": [{"value": 1000}],
        # The default of 128k entries is for machines with many times the memory.
        "history.hostLevelCacheMaxSize": [{"value": 8192}],
    }
    return json.dumps(config, indent=2) + "\n"
