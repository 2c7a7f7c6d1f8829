"""What a change of each setting touches, and by omission what it does not.

One row a leaf of the settings tree. `effects`: a resource's name to a sign and the properties that differ.
`+` is created, `~` changed in place, `±` replaced, `-` deleted. A sign alone (`±`) is a resource that follows
another one, without a difference of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine.lab import ACCOUNT_ID, NEW_ZONE_ID, OTHER_ZONE_ID

REFUSED = "refused"
HETZNER = ("uat", "prod")
DIGEST = f"sha256:{'0' * 64}"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGx0bkGVfrDgZCrzSlVpWOBeWNmwYVLEBmyqWv9+RMOy ops"

SIGNING_KEY = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELy9vjeFkQH93M8/OwdbqmArgzG9o\n"
    "Iwx+2+jBSbCVcgTNNDf3oSLtFuqbJmdAGRZmtfCFKZn0T8R3KGu7P1zgDA==\n"
    "-----END PUBLIC KEY-----\n"
)

SOURCES = ("api", "worker", "web")
DEVELOPER = Path(__file__).parent / "developer"
"""A developer's file of variables and sources, as settings name them."""

# A database server that was replaced may hold other data, so what prepares data runs again.
AFTER_POSTGRES = {
    "postgres-roles": "±",
    "rotated-former": "±",
    "temporal-schema": "±",
    "temporal-namespace": "±",
    "migration-backup": "±",
    "migration": "±",
    "migration-record": "±",
}
TRACES = (
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_LOGS_EXPORTER"),
    *("OTEL_METRICS_EXPORTER", "OTEL_SERVICE_NAME", "OTEL_TRACES_EXPORTER"),
)
NEW_FILES = "± create delete stdin triggers"
A_RECORDS = ("edge-api-a", "edge-web-a", "edge-temporal-a", "edge-metrics-a")
RECORDS = (*A_RECORDS, *(f"{record}aaa" for record in A_RECORDS))
WATCHED = {"node-exporter-host-installed": "~ create"}
"""The script on the machine is told what has to run, and which evidence there is to be."""
METRICS_FILES = {"metrics-files": NEW_FILES, "metrics": "± mounts"}
STORE_OF_LOGS = (
    *("logs", "logs-data-owner", "logs-shipped", "image-logs"),
    *("logs-busybox-bin", "logs-busybox-lib", "logs-busybox-filled"),
)
CANARY = {"image": f"example.com/api:2.0.0@{DIGEST}", "share": 5}
BESIDE_THE_API = {
    "image-api-canary": "+",
    "image-platform": "~ create",
    **{f"api-canary{part}": "+" for part in ("", "-files", "-healthy")},
    "cutover": "~ create stdin",
}
"""A canary, of which nobody else is touched."""
ZONE_SETTINGS = ("edge-ssl", "edge-min-tls-version")
ANEW = {"rotated-noted": "~ create"}
"""Of a secret that is another one."""
IN_THE_DATABASE = {"postgres-passwords": "~ stdin", "postgres-roles": "± triggers"}
"""Of a login's, while the server runs."""
BY_ANOTHER_LOGIN = {
    **IN_THE_DATABASE,
    "postgres-roles": "± create triggers",
    "rotated-former": "~ create",
}
AN_APPLICATIONS = {
    **{f"{service}-files": NEW_FILES for service in ("api", "worker", "migration")},
    **dict.fromkeys(("api", "worker"), "± mounts"),
    "migration": "~ create",
}
ROTATED = {
    "postgres": {"credentials-postgres": "± keepers", **IN_THE_DATABASE},
    "jira": {
        "credentials-jira": "± keepers",
        **BY_ANOTHER_LOGIN,
        **{f"{service}-files": NEW_FILES for service in ("api", "worker")},
        **dict.fromkeys(("api", "worker"), "± mounts"),
    },
    "migration": {
        "credentials-migration": "± keepers",
        **IN_THE_DATABASE,
        "migration-files": NEW_FILES,
        "migration": "~ create",
    },
    "temporal": {
        "credentials-temporal": "± keepers",
        **BY_ANOTHER_LOGIN,
        "temporal-schema-files": NEW_FILES,
        "temporal-schema": "~ create",
        "temporal-files": NEW_FILES,
        "temporal": "± mounts",
    },
    "backup": {
        "credentials-backup": "± keepers",
        **IN_THE_DATABASE,
        "backup-files": NEW_FILES,
        "backup": "± mounts",
        "migration-backup-files": NEW_FILES,
        "migration-backup": "~ create",
    },
    "monitoring": {
        "credentials-monitoring": "± keepers",
        **IN_THE_DATABASE,
        "postgres-exporter-files": NEW_FILES,
        "postgres-exporter": "± mounts",
    },
    "session": {"credentials-session-secret": "± keepers", **AN_APPLICATIONS},
    "admin": {"credentials-admin": "± keepers", **AN_APPLICATIONS},
    "temporal_ui": {"credentials-temporal-ui": "± keepers", "traefik-dynamic": "~ stdin"},
    "metrics": {"credentials-metrics": "± keepers", "traefik-dynamic": "~ stdin"},
}
"""By its name, what another value of a secret touches."""


def followers(effects: Mapping[str, str]) -> dict[str, str]:
    """What always comes along: of a new container that it is well and gets the traffic, of another image a
    look for room, of one of the application a record."""
    found = {}
    for service in ("worker", "api", "web", "temporal-ui"):
        if effects.get(service, "").startswith("±"):
            # Where the question changes, its check asks another one.
            stdin = " stdin" if "healthcheck" in effects[service] else ""
            found[f"{service}-healthy"] = f"± create{stdin} triggers"
            found["cutover"] = "~ create" if service == "worker" else "~ create stdin"  # it has no traffic
    if any(name.startswith("image-") and effect == "± name" for name, effect in effects.items()):
        found |= {"image-space": "± triggers", "image-retired": "~ create"}
    if any(effects.get(f"image-{name}") == "± name" for name in SOURCES):
        found |= {"release-begun": "~ create", "release-good": "~ create", "image-platform": "~ create"}
    return found


CERTIFICATE = {"edge-certificate-request": "± dnsNames", "edge-origin-ca-certificate": "± csr hostnames"}
"""For other names, another."""
CERTIFICATE_OF_ANOTHER = {**CERTIFICATE, "edge-certificate-request": "± dnsNames subject"}
"""Its subject is the first of the names, the API's."""


BUCKET = {
    "endpoint": "https://nbg1.your-objectstorage.com",
    "bucket": "masked-rows",
    "region": "nbg1",
    "certificate_authority": "-----BEGIN CERTIFICATE-----",
}


MAIL = {
    "notifications.email.smtp_port": 465,
    "notifications.email.sender": "jira@example.com",
    "notifications.email.to": "ops@example.com",
    "notifications.email.username": "jira",
}


@dataclass(frozen=True)
class Row:
    """A change of one leaf. `also` is what must change with it for the settings to agree."""

    leaf: str
    value: Any
    effects: dict[str, str]
    also: dict[str, Any] = field(default_factory=dict)
    stacks: tuple[str, ...] = HETZNER
    refusal: str = ""
    """What the engine says when it refuses the change, as for a protected resource."""

    @property
    def changes(self) -> dict[str, Any]:
        """Everything that the stack file gets."""
        return {self.leaf: self.value, **self.also}


def from_sources(service: str) -> Row:
    """A service that runs from sources, for which all three settings are needed."""
    section = f"development.sources.{service}"
    return Row(
        f"{section}.command",
        ["node", "--watch", "x.js"],
        {service: "± entrypoints labels mounts"},
        also={f"{section}.path": str(DEVELOPER), f"{section}.target": "/app/dist"},
        stacks=("local",),
    )


ROWS = [
    # ── host: the machine
    Row(
        "host.server_type",
        "cx53",
        {"host-server": "~ serverType", "host-bootstrap": "± triggers"},
        also={"host.server_type_fallbacks": []},
    ),
    Row("host.server_type_fallbacks", [], {}),
    Row("host.location", "nbg1", {}, refusal="is not fsn1, where the volume with the data of"),
    # Waits for `make replace` (test_lifecycle.py).
    Row("host.image", "debian-12", {}),
    Row("host.volume.size_gb", 100, {"host-volume": "~ size", "host-mount": "~ create"}),
    Row("host.volume.protected", True, {"host-volume": "~ deleteProtection"}, stacks=("uat",)),
    Row("host.volume.protected", False, {}, stacks=("prod",), refusal="leaves the data unprotected"),
    Row(
        "host.protected",
        False,
        {
            "host-server": "~ deleteProtection rebuildProtection",
            "host-ipv4": "~ deleteProtection",
            "host-ipv6": "~ deleteProtection",
        },
        stacks=("prod",),
    ),
    Row("host.backups", True, {"host-server": "~ backups"}, stacks=("uat",)),
    Row("host.backups", False, {"host-server": "~ backups"}, stacks=("prod",)),
    Row("host.swap_mb", 1024, {"host-bootstrap": "~ create"}),
    Row("host.ssh.allowed_networks", ["198.51.100.0/24"], {"host-firewall": "~ rules"}),
    Row(
        "host.ssh.allow_any_network",
        True,
        {"host-firewall": "~ rules"},
        also={"host.ssh.allowed_networks": None, "host.ssh.allow_own_address": None},
    ),
    Row("host.ssh.allow_own_address", True, {}),
    Row("host.ssh.authorized_keys", [PUBLIC_KEY], {"host-bootstrap": "~ create"}),
    # ── host: this machine
    Row(
        "host.http_port",
        8090,
        {
            "traefik": "± ports",
            "web": "± envs:API_URL",
            "temporal-ui": "± envs:TEMPORAL_CORS_ORIGINS",
            "api": "± envs:CORS_ORIGINS",
        },
        also={"application.cors_origins": ["http://app.localhost:8090"]},
        stacks=("local",),
    ),
    Row("host.memory_mb", 8192, {}, stacks=("local",)),
    # ── domain
    Row(
        "domain.zone",
        "example.org",
        {
            **CERTIFICATE_OF_ANOTHER,
            **dict.fromkeys(ZONE_SETTINGS, "± zoneId"),
            **dict.fromkeys(RECORDS, "± name zoneId"),
            "traefik-dynamic": "~ stdin",
            "api": "± envs:CORS_ORIGINS",
            "web": "± envs:API_URL",
            "temporal-ui": "± envs:TEMPORAL_CORS_ORIGINS",
            "cutover": "~ stdin",
        },
        also={
            "domain.zone_id": OTHER_ZONE_ID,
            "domain.web": "app",
            "application.cors_origins": ["https://app.example.org"],
        },
    ),
    Row(
        "domain.zone_id",
        NEW_ZONE_ID,
        dict.fromkeys((*ZONE_SETTINGS, *RECORDS), "± zoneId"),
    ),
    Row(
        "domain.api",
        "api-test",
        {
            **CERTIFICATE_OF_ANOTHER,
            "edge-api-a": "~ name",
            "edge-api-aaaa": "~ name",
            "traefik-dynamic": "~ stdin",
            "web": "± envs:API_URL",
            "cutover": "~ stdin",
        },
    ),
    Row(
        "domain.web",
        "app-test",
        {
            **CERTIFICATE,
            "edge-web-a": "~ name",
            "edge-web-aaaa": "~ name",
            "traefik-dynamic": "~ stdin",
            "api": "± envs:CORS_ORIGINS",
            "cutover": "~ stdin",
        },
        also={"application.cors_origins": ["https://app-test.example.com"]},
    ),
    Row(
        "domain.temporal",
        "temporal-test",
        {
            **CERTIFICATE,
            "edge-temporal-a": "~ name",
            "edge-temporal-aaaa": "~ name",
            "traefik-dynamic": "~ stdin",
            "temporal-ui": "± envs:TEMPORAL_CORS_ORIGINS",
        },
    ),
    Row(
        "domain.metrics",
        "metrics-test",
        {
            **CERTIFICATE,
            "edge-metrics-a": "~ name",
            "edge-metrics-aaaa": "~ name",
            "traefik-dynamic": "~ stdin",
        },
    ),
    Row(
        "domain.grafana",
        "grafana-test",
        {
            **CERTIFICATE,
            "edge-grafana-a": "~ name",
            "edge-grafana-aaaa": "~ name",
            "traefik-dynamic": "~ stdin",
            "grafana-files": NEW_FILES,
            "grafana": "± mounts",
        },
        stacks=("prod",),
    ),
    # ── edge and tls
    Row(
        "edge.http_sources",
        ["192.0.2.0/24"],
        {
            "host-firewall": "~ rules",
            "traefik-dynamic": "~ stdin",
        },
    ),
    Row("edge.proxies", ["192.0.2.0/24"], {"traefik-dynamic": "~ stdin"}),
    Row("edge.zone_settings", "keep", dict.fromkeys(ZONE_SETTINGS, "-")),
    Row(
        "tls.mode",
        "dns-01",
        {
            "edge-certificate-key": "-",
            "edge-certificate-request": "-",
            "edge-origin-ca-certificate": "-",
            "traefik-dynamic": "~ stdin",
            "traefik-files": NEW_FILES,
            "traefik": "± envs:CF_DNS_API_TOKEN_FILE mounts",
            "traefik-acme-owner": "+",
            "cutover": "~ stdin",
        },
        also={"tls.acme_email": "ops@example.com"},
    ),
    # Of what only mode dns-01 reads a change without that mode touches nothing.
    Row("tls.acme_email", "hostmaster@example.com", {}),
    Row("tls.acme_server", "https://acme.example.com/directory", {}),
    # ── images: the service, and the jobs that run the same image
    Row(
        "images.api",
        f"ghcr.io/example-org/jira-plus-plus-api:1.1.0@{DIGEST}",
        {
            "image-api": "± name",
            "migration-backup-files": NEW_FILES,
            "migration-backup": "± create triggers",
            "migration": "~ create",
            "migration-record": "± create triggers",
            "api": "± image",
        },
    ),
    Row(
        "images.worker",
        f"ghcr.io/example-org/jira-plus-plus-worker:1.1.0@{DIGEST}",
        {
            "image-worker": "± name",
            "worker": "± image",
        },
    ),
    Row(
        "images.web",
        f"ghcr.io/example-org/jira-plus-plus-web:1.1.0@{DIGEST}",
        {
            "image-web": "± name",
            "web": "± image",
        },
    ),
    Row(
        "images.postgres",
        f"postgres:15.20-bookworm@{DIGEST}",
        {
            "image-postgres": "± name",
            "postgres-guard": "± create triggers",
            "postgres": "± image labels",
            "backup": "± image labels",
            **AFTER_POSTGRES,
        },
        stacks=("uat",),
    ),
    Row(
        "images.postgres_archiving",
        f"ghcr.io/example-org/jira-plus-plus-postgres:15.20-1@{DIGEST}",
        {
            "image-postgres-archiving": "± name",
            "postgres-guard": "± create triggers",
            "postgres": "± image labels",
            "backup": "± image labels",
            **AFTER_POSTGRES,
        },
        stacks=("prod",),
    ),
    Row(
        "images.temporal",
        f"temporalio/server:1.30.7@{DIGEST}",
        {
            "image-temporal": "± name",
            "temporal": "± image labels",
        },
    ),
    Row(
        "images.temporal_admin_tools",
        f"temporalio/admin-tools:1.30.7@{DIGEST}",
        {
            "image-temporal-admin-tools": "± name",
            "temporal-schema": "~ create",
            "temporal-namespace": "~ create",
        },
    ),
    Row(
        "images.temporal_ui",
        f"temporalio/ui:2.54.0@{DIGEST}",
        {
            "image-temporal-ui": "± name",
            "temporal-ui": "± image labels",
        },
    ),
    Row(
        "images.traefik",
        f"traefik:v3.7.14@{DIGEST}",
        {"image-traefik": "± name", "traefik": "± image labels"},
    ),
    Row(
        "images.socket_proxy",
        f"haproxy:3.2.24-alpine@{DIGEST}",
        {
            "image-socket-proxy": "± name",
            "socket-autoheal": "± image labels",
            "socket-watchtower": "± image labels",
            # Its BusyBox is watchtower's, too.
            "watchtower-busybox-bin": "± labels",
            "watchtower-busybox-lib": "± labels",
            "watchtower-busybox-filled": "~ create",
            "watchtower": "± mounts",
        },
    ),
    Row(
        "images.autoheal",
        f"willfarrell/autoheal:1.3.0@{DIGEST}",
        {
            "image-autoheal": "± name",
            "autoheal": "± image labels",
        },
    ),
    Row(
        "images.watchtower",
        f"nickfedor/watchtower:1.21.0@{DIGEST}",
        {
            "image-watchtower": "± name",
            "watchtower": "± image labels",
        },
    ),
    Row(
        "images.metrics",
        f"victoriametrics/victoria-metrics:v1.152.0@{DIGEST}",
        {
            "image-metrics": "± name",
            "metrics": "± image labels",
            # Its BusyBox is the store of logs', too.
            "logs-busybox-bin": "± labels",
            "logs-busybox-lib": "± labels",
            "logs-busybox-filled": "~ create",
            "logs": "± mounts",
        },
    ),
    Row(
        "images.postgres_exporter",
        f"quay.io/prometheuscommunity/postgres-exporter:v0.20.2@{DIGEST}",
        {"image-postgres-exporter": "± name", "postgres-exporter": "± image labels"},
    ),
    Row(
        "images.node_exporter",
        f"prom/node-exporter:v1.12.2@{DIGEST}",
        {"image-node-exporter": "± name", "node-exporter": "± image labels"},
    ),
    Row(
        "images.alerts",
        f"victoriametrics/vmalert:v1.152.0@{DIGEST}",
        {"image-alerts": "± name", "alerts": "± image labels"},
    ),
    Row(
        "images.alertmanager",
        f"prom/alertmanager:v0.34.1@{DIGEST}",
        {"image-alertmanager": "± name", "alertmanager": "± image labels"},
    ),
    Row(
        "images.logs",
        f"victoriametrics/victoria-logs:v1.53.0@{DIGEST}",
        {"image-logs": "± name", "logs": "± image labels"},
    ),
    Row(
        "images.grafana",
        f"grafana/grafana:12.4.13@{DIGEST}",
        {"image-grafana": "± name", "grafana": "± image labels"},
        stacks=("prod",),
    ),
    # ── services: memory, in place except where a process sizes itself by it
    Row(
        "services.postgres.memory_mb",
        512,
        {
            "postgres": "± entrypoints memory memorySwap shmSize",
            **AFTER_POSTGRES,
        },
    ),
    Row("services.temporal.memory_mb", 320, {"temporal": "~ memory memorySwap"}),
    Row("services.temporal_ui.memory_mb", 80, {"temporal-ui": "~ memory memorySwap"}),
    Row("services.traefik.memory_mb", 112, {"traefik": "± envs:GOMEMLIMIT memory memorySwap"}),
    Row(
        "services.socket_proxy.memory_mb",
        24,
        {
            "socket-autoheal": "~ memory memorySwap",
            "socket-watchtower": "~ memory memorySwap",
        },
    ),
    Row("services.autoheal.memory_mb", 24, {"autoheal": "~ memory memorySwap"}),
    Row("services.watchtower.memory_mb", 48, {"watchtower": "~ memory memorySwap"}),
    Row("services.api.memory_mb", 256, {"api": "~ memory memorySwap"}),
    Row("services.worker.memory_mb", 256, {"worker": "~ memory memorySwap"}),
    Row("services.web.memory_mb", 80, {"web": "~ memory memorySwap"}),
    Row("services.migration.memory_mb", 200, {"migration": "~ create:--memory create:--memory-swap"}),
    Row(
        "services.backup.memory_mb",
        200,
        {"backup": "~ memory memorySwap", "migration-backup": "~ create:--memory create:--memory-swap"},
    ),
    Row("services.metrics.memory_mb", 128, {"metrics": "± entrypoints memory memorySwap"}),
    Row("services.logs.memory_mb", 112, {"logs": "± command memory memorySwap"}),
    Row("services.postgres_exporter.memory_mb", 24, {"postgres-exporter": "~ memory memorySwap"}),
    Row("services.node_exporter.memory_mb", 24, {"node-exporter": "~ memory memorySwap"}),
    Row("services.alerts.memory_mb", 40, {"alerts": "~ memory memorySwap"}),
    Row("services.alertmanager.memory_mb", 40, {"alertmanager": "~ memory memorySwap"}),
    Row(
        "services.grafana.memory_mb",
        320,
        {"grafana": "± envs:GOMEMLIMIT memory memorySwap"},
        stacks=("prod",),
    ),
    # ── services: cores
    Row("services.postgres.cpus", 0.3, {"postgres": "± cpus", **AFTER_POSTGRES}),
    Row("services.temporal.cpus", 0.3, {"temporal": "± cpus"}),
    Row("services.temporal_ui.cpus", 0.3, {"temporal-ui": "± cpus"}),
    Row("services.traefik.cpus", 0.3, {"traefik": "± cpus"}),
    Row(
        "services.socket_proxy.cpus",
        0.3,
        {
            "socket-autoheal": "± cpus",
            "socket-watchtower": "± cpus",
        },
    ),
    Row("services.autoheal.cpus", 0.3, {"autoheal": "± cpus"}),
    Row("services.watchtower.cpus", 0.3, {"watchtower": "± cpus"}),
    Row("services.api.cpus", 0.3, {"api": "± cpus"}),
    Row("services.worker.cpus", 0.3, {"worker": "± cpus"}),
    Row("services.web.cpus", 0.3, {"web": "± cpus"}),
    Row("services.migration.cpus", 0.3, {"migration": "~ create:--cpus"}),
    Row("services.backup.cpus", 0.3, {"backup": "± cpus", "migration-backup": "~ create:--cpus"}),
    Row("services.metrics.cpus", 0.3, {"metrics": "± cpus"}),
    Row("services.logs.cpus", 0.3, {"logs": "± cpus"}),
    Row("services.postgres_exporter.cpus", 0.3, {"postgres-exporter": "± cpus"}),
    Row("services.node_exporter.cpus", 0.3, {"node-exporter": "± cpus"}),
    Row("services.alerts.cpus", 0.3, {"alerts": "± cpus"}),
    Row("services.alertmanager.cpus", 0.3, {"alertmanager": "± cpus"}),
    Row("services.grafana.cpus", 0.3, {"grafana": "± cpus"}, stacks=("prod",)),
    # ── services: what else each has
    Row("services.temporal.history_shards", 8, {"temporal-files": NEW_FILES, "temporal": "± mounts"}),
    Row(
        "services.temporal.namespace",
        "jira2",
        {
            "temporal-namespace": "~ create:NAMESPACE",
            "migration": "~ create:TEMPORAL_NAMESPACE",
            "temporal-ui": "± envs:TEMPORAL_DEFAULT_NAMESPACE",
            "api": "± envs:TEMPORAL_NAMESPACE",
            "worker": "± envs:TEMPORAL_NAMESPACE",
        },
    ),
    Row("services.temporal_ui.command", ["node", "x.js"], {"temporal-ui": "± entrypoints"}),
    Row("services.api.command", ["node", "x.js"], {"api": "± entrypoints"}),
    Row("services.worker.command", ["node", "x.js"], {"worker": "± entrypoints"}),
    Row("services.web.command", ["node", "x.js"], {"web": "± entrypoints"}),
    Row(
        "services.api.database_connections",
        20,
        {
            "api-files": NEW_FILES,
            "api": "± mounts",
            "postgres": "± entrypoints",
            **AFTER_POSTGRES,
        },
    ),
    Row(
        "services.worker.database_connections",
        20,
        {
            "worker-files": NEW_FILES,
            "worker": "± mounts",
            "postgres": "± entrypoints",
            **AFTER_POSTGRES,
        },
    ),
    Row("services.migration.command", ["node", "x.js"], {"migration": "~ create"}),
    Row("services.temporal_ui.port", 5000, {"temporal-ui": "± envs:TEMPORAL_UI_PORT healthcheck"}),
    Row("services.api.port", 5000, {"api": "± envs:PORT healthcheck", **METRICS_FILES}),
    Row("services.worker.port", 5000, {"worker": "± envs:PORT healthcheck", **METRICS_FILES}),
    Row("services.web.port", 5000, {"web": "± envs:PORT healthcheck"}),
    Row(
        "services.temporal_ui.drain_seconds",
        7,
        {
            "temporal-ui": "± destroyGraceSeconds entrypoints stopTimeout",
        },
    ),
    Row(
        "services.api.drain_seconds",
        7,
        {"api": "± destroyGraceSeconds envs:DRAIN_SECONDS stopTimeout"},
    ),
    Row(
        "services.worker.drain_seconds",
        7,
        {"worker": "± destroyGraceSeconds envs:DRAIN_SECONDS stopTimeout"},
    ),
    Row(
        "services.web.drain_seconds",
        7,
        {
            "web": "± destroyGraceSeconds entrypoints stopTimeout",
        },
    ),
    Row("services.migration.timeout_seconds", 300, {"migration": "~ create"}),
    Row(
        "services.autoheal.enabled",
        False,
        {
            "autoheal": "-",
            "autoheal-files": "-",
            "socket-autoheal": "-",
            "socket-autoheal-files": "-",
            "network-socket-autoheal": "-",
            "image-autoheal": "-",
            **WATCHED,
            "image-retired": "~ create",
        },
    ),
    Row(
        "services.watchtower.enabled",
        False,
        {
            "watchtower": "-",
            "watchtower-busybox-bin": "-",
            "watchtower-busybox-lib": "-",
            "watchtower-busybox-filled": "-",
            "socket-watchtower": "-",
            "socket-watchtower-files": "-",
            "network-socket-watchtower": "-",
            "image-watchtower": "-",
            **WATCHED,
            "image-retired": "~ create",
        },
    ),
    # ── application
    Row(
        "application.cors_origins",
        ["https://{web}.example.com", "https://other.example.com"],
        {"api": "± envs:CORS_ORIGINS"},
    ),
    Row("application.graphql_playground", False, {"api": "± envs:GRAPHQL_PLAYGROUND"}, stacks=("local",)),
    Row("application.graphql_playground", True, {}, refusal="shows the API to strangers"),
    Row(
        "application.graphql_introspection", False, {"api": "± envs:GRAPHQL_INTROSPECTION"}, stacks=("local",)
    ),
    Row("application.graphql_introspection", True, {}, refusal="application.graphql_introspection: got true"),
    Row(
        "application.log_level",
        "debug",
        {
            "api": "± envs:LOG_LEVEL",
            "worker": "± envs:LOG_LEVEL",
            "web": "± envs:LOG_LEVEL",
            "migration": "~ create:LOG_LEVEL",
        },
    ),
    Row(
        "application.admin_email",
        "root@example.com",
        {
            "api": "± envs:ADMIN_EMAIL",
            "worker": "± envs:ADMIN_EMAIL",
            "migration": "~ create:ADMIN_EMAIL",
        },
    ),
    Row(
        "application.sentry",
        True,
        {
            "api-files": NEW_FILES,
            "api": "± envs:SENTRY_ENVIRONMENT mounts",
            "worker-files": NEW_FILES,
            "worker": "± envs:SENTRY_ENVIRONMENT mounts",
            "web-files": NEW_FILES,
            "web": "± envs:SENTRY_ENVIRONMENT mounts",
            "migration-files": NEW_FILES,
            "migration": "~ create",
        },
    ),
    Row(
        "application.otlp_endpoint",
        "https://otlp.example.com",
        {
            **{f"{service}-files": NEW_FILES for service in ("api", "worker")},
            **{
                service: f"± {' '.join(f'envs:{name}' for name in TRACES)} mounts"
                for service in ("api", "worker")
            },
        },
    ),
    Row("application.otlp_endpoint", "otlp.example.com:4318", {}, refusal="is no address of a receiver"),
    Row("application.seed_data", True, {"migration": "~ create:SEED_DATA"}, stacks=("uat",)),
    Row(
        "application.seed_data", True, {}, stacks=("prod",), refusal="sample projects into a protected stack"
    ),
    # ── backup
    Row(
        "backup.schedule",
        "03:00",
        {
            "backup": "± envs:SCHEDULE",
            "migration-backup": "~ create:SCHEDULE",
            "host-bootstrap": "~ create",  # the system's upgrades come after it
        },
    ),
    *(
        Row(
            f"backup.retention.{name}",
            value,
            {"backup": f"± envs:KEEP_{name.upper()}", "migration-backup": f"~ create:KEEP_{name.upper()}"},
        )
        for name, value in (("daily", 8), ("weekly", 5), ("monthly", 7), ("releases", 7), ("manual", 7))
    ),
    Row("backup.timeout_minutes", 90, {"migration-backup": "~ create"}),
    # ── backup.offsite: only prod has it
    Row(
        "backup.offsite.endpoint",
        "https://hel1.your-objectstorage.com",
        {"backup": "± envs:RESTIC_REPOSITORY"},
        stacks=("prod",),
    ),
    Row("backup.offsite.bucket", "another", {"backup": "± envs:RESTIC_REPOSITORY"}, stacks=("prod",)),
    Row("backup.offsite.region", "nbg1", {"backup": "± envs:AWS_DEFAULT_REGION"}, stacks=("prod",)),
    Row(
        "backup.offsite.certificate_authority",
        "-----BEGIN CERTIFICATE-----",
        {"backup-files": NEW_FILES, "backup": "± envs:RESTIC_CACERT mounts"},
        stacks=("prod",),
    ),
    *(
        Row(
            f"backup.offsite.retention.{name}",
            value,
            {"backup": f"± envs:OFFSITE_{name.upper()}"},
            stacks=("prod",),
        )
        for name, value in (("daily", 15), ("weekly", 9), ("monthly", 13), ("releases", 7), ("manual", 7))
    ),
    Row("backup.offsite.drill_days", 8, {"backup": "± envs:DRILL_COPIES_DAYS", **WATCHED}, stacks=("prod",)),
    # ── backup.r2, for a bucket that names no endpoint
    Row(
        "backup.r2.account_id",
        ACCOUNT_ID,
        {
            "bucket-offsite": "+",
            "bucket-offsite-key": "+",
            "backup-files": NEW_FILES,
            "backup": "± envs:AWS_DEFAULT_REGION envs:RESTIC_REPOSITORY mounts",
        },
        also={"backup.offsite.endpoint": None},
        stacks=("prod",),
    ),
    # ── backup.point_in_time: only prod has it
    *(
        Row(
            f"backup.point_in_time.{name}",
            value,
            {"postgres": f"± envs:{variable}", "backup": f"± envs:{variable}", **AFTER_POSTGRES},
            stacks=("prod",),
        )
        for name, value, variable in (
            ("endpoint", "https://nbg1.your-objectstorage.com", "PGBACKREST_REPO1_S3_ENDPOINT"),
            ("bucket", "another", "PGBACKREST_REPO1_S3_BUCKET"),
            ("region", "hel1", "PGBACKREST_REPO1_S3_REGION"),
            ("keep_days", 15, "PGBACKREST_REPO1_RETENTION_FULL"),
        )
    ),
    Row(
        "backup.point_in_time.certificate_authority",
        "-----BEGIN CERTIFICATE-----",
        {
            "postgres-files": NEW_FILES,
            "postgres": "± envs:PGBACKREST_REPO1_STORAGE_CA_FILE mounts",
            "backup-files": NEW_FILES,
            "backup": "± envs:PGBACKREST_REPO1_STORAGE_CA_FILE mounts",
            **AFTER_POSTGRES,
        },
        stacks=("prod",),
    ),
    Row(
        "backup.point_in_time.archive_seconds",
        30,
        {"postgres": "± entrypoints", **AFTER_POSTGRES},
        stacks=("prod",),
    ),
    *(
        Row(f"backup.point_in_time.{name}", value, {"backup": f"± envs:{name.upper()}"}, stacks=("prod",))
        for name, value in (("full_days", 8), ("differential_hours", 25), ("incremental_hours", 7))
    ),
    Row(
        "backup.point_in_time.drill_days",
        8,
        {"backup": "± envs:DRILL_LOG_DAYS", **WATCHED},
        stacks=("prod",),
    ),
    Row(
        "images.restic",
        f"restic/restic:0.18.0@{DIGEST}",
        {
            "image-restic": "± name",
            "backup-restic-usr-bin": "± labels",
            "backup-restic-etc-ssl-certs": "± labels",
            "backup-restic-filled": "~ create",
            "backup": "± mounts",
        },
        stacks=("prod",),
    ),
    # ── backup.masked, of a stack that exports, and backup.reset, of one that takes: sections that come whole
    Row(
        "backup.masked.rules",
        {"User": {"*": "empty"}},
        {
            "backup-files": NEW_FILES,
            "backup": "± envs:MASKED_AUTHORITY envs:MASKED_REGION envs:MASKED_REPOSITORY envs:MASKED_RULES "
            "mounts",
            **WATCHED,
        },
        also={f"backup.masked.{name}": value for name, value in BUCKET.items()},
        stacks=("prod",),
    ),
    Row(
        "backup.reset.source",
        "masked",
        {
            "image-restic": "+",
            "image-retired": "~ create",
            "backup-restic-etc-ssl-certs": "+",
            "backup-restic-filled": "+",
            "backup-restic-usr-bin": "+",
            "backup-files": NEW_FILES,
            # It had no bucket yet, and so no way out.
            "backup": "± dnsOpts envs:MASKED_AUTHORITY envs:MASKED_REGION envs:MASKED_REPOSITORY envs:PATH "
            "mounts networksAdvanced",
        },
        also={
            **{f"backup.reset.masked.{name}": value for name, value in BUCKET.items()},
            "host.volume.protected": False,  # what is protected is not reset, and so not with its row
        },
        stacks=("uat",),
    ),
    # ── development: a developer's machine
    Row(
        "development.env_file",
        str(DEVELOPER / "variables.env"),
        {
            "api-files": NEW_FILES,
            "api": "± mounts",
            "worker-files": NEW_FILES,
            "worker": "± mounts",
            "migration-files": NEW_FILES,
            "migration": "~ create",
        },
        stacks=("local",),
    ),
    *map(from_sources, SOURCES),
    Row("development.env_file", ".env.local", {}, refusal="is for a developer's machine"),
    # ── monitoring
    Row("monitoring.retention_days", 7, {"metrics": "± entrypoints"}),
    Row("monitoring.rotation_days", 90, WATCHED),
    Row("monitoring.log_days", 7, {"logs": "± command"}),
    Row("monitoring.log_disk_mb", 1024, {"logs": "± command"}),
    Row(
        "monitoring.logs",
        False,
        {
            **dict.fromkeys(STORE_OF_LOGS, "-"),
            **METRICS_FILES,
            **WATCHED,
            "image-retired": "~ create",
            "traefik-dynamic": "~ stdin",
        },
    ),
    Row(
        "monitoring.enabled",
        False,
        {
            **dict.fromkeys(
                (
                    *("metrics", "metrics-files", "metrics-data-owner", "postgres-exporter"),
                    *("postgres-exporter-files", "node-exporter", "node-exporter-host-installed"),
                    *("image-metrics", "image-postgres-exporter", "image-node-exporter"),
                    *("network-edge-metrics", "network-metrics-application", "network-metrics-postgres"),
                    *("network-metrics-host", "edge-metrics-a", "edge-metrics-aaaa"),
                    *("alerts", "alerts-files", "alertmanager", "alertmanager-files"),
                    *("alertmanager-data-owner", "image-alerts", "image-alertmanager"),
                    *("network-metrics-alerts", *STORE_OF_LOGS),
                ),
                "-",
            ),
            **CERTIFICATE,
            "image-retired": "~ create",
            "traefik-dynamic": "~ stdin",
            "traefik": "± networksAdvanced",
            "temporal-files": NEW_FILES,
            "temporal": "± mounts networksAdvanced",
            "api": "± networksAdvanced",
            "worker": "± networksAdvanced",
        },
        also={"domain.metrics": None},
    ),
    Row(
        "monitoring.grafana",
        False,
        {
            **dict.fromkeys(
                (
                    *("grafana", "grafana-files", "image-grafana", "edge-grafana-a", "edge-grafana-aaaa"),
                    *("network-edge-grafana", "network-metrics-grafana"),
                ),
                "-",
            ),
            **CERTIFICATE,
            **WATCHED,
            "image-retired": "~ create",
            "traefik-dynamic": "~ stdin",
            "traefik": "± networksAdvanced",
            "metrics": "± networksAdvanced",
        },
        also={"domain.grafana": None},
        stacks=("prod",),
    ),
    # ── notifications: tests/engine/lab.py has Slack told; without anybody there is no way out
    Row(
        "notifications.slack",
        False,
        {**WATCHED, "alertmanager-files": NEW_FILES, "alertmanager": "± dnsOpts mounts networksAdvanced"},
    ),
    *(
        Row(
            f"notifications.{leaf}",
            value,
            {"alertmanager-files": NEW_FILES, "alertmanager": "± mounts"},
            also=also,
        )
        for leaf, value, also in (("email.smtp_host", "smtp.example.com", MAIL), ("heartbeat", True, {}))
    ),
    # ── registry
    Row(
        "registry.server", "ghcr.io", {"host-docker": "~ registryAuth"}, also={"registry.username": "puller"}
    ),
    Row(
        "registry.username", "puller", {"host-docker": "~ registryAuth"}, also={"registry.server": "ghcr.io"}
    ),
    # ── release: what brings images is told, and no resource
    Row("release.commit", True, {}),
    Row("release.signed_by", [SIGNING_KEY], {}),
    # ── rotations: another value, and who is given it
    *(Row(f"rotations.{secret}", 1, {**ANEW, **effects}) for secret, effects in ROTATED.items()),
    Row(
        "rotations.grafana",
        1,
        {
            **ANEW,
            **dict.fromkeys(("credentials-grafana", "credentials-grafana-key"), "± keepers"),
            "grafana-files": NEW_FILES,
            "grafana": "± mounts",
        },
        stacks=("prod",),
    ),
    *(
        Row(
            f"release.canary.{name}",
            value,
            BESIDE_THE_API,
            also={"release.canary": CANARY},
            stacks=("local",),
        )
        for name, value in CANARY.items()
    ),
]
"""Every row is previewed on the stacks that it names."""

WITH_COMMAND = "comes with `command`, whose row has it, too"
WITH_SECTION = "comes with its section, whose row has it, too"
WAY_IN = "of kind existing: the way to the server, and so a change of every resource on it"
LEFT_OUT = {
    "host.kind": "another kind is another machine: it is another stack, not a change of this one",
    "host.address": WAY_IN,
    "host.ssh.user": WAY_IN,
    "host.ssh.port": WAY_IN,
    "host.ssh.host_key": WAY_IN,
    "host.shared": "of kind existing: it is asked for before the first deploy",
    **{f"backup.r2.{leaf}": "comes with backup.r2.account_id" for leaf in ("location", "jurisdiction")},
    **{f"backup.masked.{leaf}": WITH_SECTION for leaf in BUCKET},
    **{f"backup.reset.masked.{leaf}": WITH_SECTION for leaf in BUCKET},
    **{f"notifications.email.{leaf}": WITH_SECTION for leaf in ("smtp_port", "sender", "to", "username")},
    **{f"development.sources.{name}.{leaf}": WITH_COMMAND for name in SOURCES for leaf in ("path", "target")},
}
"""Leaves without a row, with the reason."""
