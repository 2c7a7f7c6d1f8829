"""The reverse proxy: TLS, routers, middlewares. The only container that publishes ports."""

import json
import shlex
from pathlib import Path
from typing import Any

import pulumi

from components.containers import Container, ContainerArgs, Health, Mount, Process, Release
from components.containers.files import removal
from components.containers.health import http
from components.containers.limits import Limits
from components.containers.mount import Port
from components.containers.packed import given
from components.containers.storage import Storage
from components.edge.certificate import Certificate
from components.monitoring.address import GRAFANA_NAME
from components.monitoring.address import NAME as METRICS_USER
from components.services import clients
from components.services.routing import Routing, dynamic_config
from components.services.site import Site
from components.services.temporal_ui import NAME as TEMPORAL_UI_USER
from components.settings.tls import Tls

HERE = Path(__file__).parent
USER = "65532:65532"
# Above 1024: no container needs a capability to listen.
HTTP_PORT = 8000
HTTPS_PORT = 8443
IPV6_STEP = 1
"""Added to the port that IPv6 is published to: the provider takes two addresses of one port for a change each
time that Docker lists them in another order, and would replace Traefik at every `up`."""
PING_PORT = 8082
CONFIG = "/etc/traefik"
DYNAMIC = "/etc/traefik-dynamic"
ACME = "/var/lib/traefik"
GRACE_SECONDS = 15
READ_SECONDS = 300
"""For a whole request, be it by HTTP/1.1 or 2: the largest body arrives in time at 280 kbit/s, and who sends
headers byte by byte is shown out. Node waits as long by itself. What is answered may take any time."""
IDLE_SECONDS = 920
"""Longer than Cloudflare keeps an idle connection, 900 s: it is for who sends the next request to close it.
https://developers.cloudflare.com/fundamentals/reference/connection-limits/"""
BACKEND_IDLE_SECONDS = 4
"""Shorter than Node keeps one, 5 s if it is not told otherwise."""


class Traefik(pulumi.ComponentResource):
    """The proxy. Of Docker it knows nothing: which containers it serves from is in a file.

    Its static configuration is a file of the container: a change replaces it, for seconds. Routers,
    middlewares and certificates are in a folder that it watches, and change while it serves; so is what the
    cutover writes.
    """

    def __init__(
        self, name: str, site: Site, certificate: Certificate, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:services:Traefik", name, {}, opts)
        settings, host = site.settings, site.runtime.host
        tls = settings.tls
        child = pulumi.ResourceOptions(parent=self)
        folder = f"{host.files_root}/{name}-dynamic"
        pem = None
        if certificate.certificate_pem is not None and certificate.private_key_pem is not None:
            pem = pulumi.Output.all(certificate.certificate_pem, certificate.private_key_pem)
        secrets = site.credentials
        hashes = (secrets.temporal_ui_hash, secrets.metrics_hash, secrets.grafana_hash)
        routes: pulumi.Output[str] = pulumi.Output.all(*hashes, pem).apply(
            lambda known: dynamic_config(
                Routing(
                    host_names=settings.domain.host_names,
                    tls=tls,
                    temporal_users=(f"{TEMPORAL_UI_USER}:{known[0]}",),
                    metrics_users=(f"{METRICS_USER}:{known[1]}",),
                    logs=settings.logged,
                    proxies=clients.proxies(settings),
                    only_proxies=clients.only_proxies(settings),
                    certificate=tuple(known[3]) if known[3] else None,
                    grafana_users=(f"{GRAFANA_NAME}:{known[2]}",),
                )
            )
        )
        # No trigger: a changed configuration runs the command again, in place.
        dynamic = host.run(
            f"{name}-dynamic",
            create=f"{host.sudo}{shlex.join(['sh', '-s', '--', folder, USER])}",
            stdin=routes.apply(pulumi.Output.secret).apply(write_dynamic),
            delete=removal(folder, host.sudo),
            opts=child,
        )
        self.folder: pulumi.Output[str] = dynamic.id.apply(lambda _: folder)
        """On the host, what it watches."""
        mounts = [Mount(source=self.folder, target=DYNAMIC, read_only=True)]
        files: dict[str, pulumi.Input[str]] = {f"{CONFIG}/traefik.yaml": static_config(tls)}
        limits = Limits.of(settings.services.traefik)
        # After some 300,000 requests in half an hour the kernel ended one that had 128 MB; docs/bench.md.
        environment = {"GOMEMLIMIT": limits.go_memory}
        if tls.mode == "dns-01":
            # On the data volume: a replaced server keeps its certificates, of which there are few a week.
            acme = Storage(
                f"{name}-acme",
                site.runtime,
                site.runtime.kept("traefik"),
                USER,
                site.images["traefik"],
                child,
            )
            mounts.append(acme.mount(ACME))
            files["/run/secrets/acme_dns_token"] = pulumi.Config().require_secret("acme_dns_token")
            environment["CF_DNS_API_TOKEN_FILE"] = "/run/secrets/acme_dns_token"  # noqa: S105 # a path
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["traefik"],
                    user=USER,
                    entrypoint=("traefik", f"--configfile={CONFIG}/traefik.yaml"),
                    environment=environment,
                    files=files,
                    limits=limits,
                    tmpfs={"/tmp": "size=64m"},  # noqa: S108 # bodies beyond a megabyte, see `body-limit`
                    networks=(
                        *("ingress", "edge-api", "edge-web", "edge-temporal-ui"),
                        *(("edge-metrics",) if settings.monitored else ()),
                        *(("edge-grafana",) if settings.shown else ()),
                    ),
                    mounts=tuple(mounts),
                ),
                # Not by `traefik healthcheck`: that is a second Traefik each time, in this one's memory.
                health=Health(command=http(PING_PORT, "/ping"), interval=3),
                # Only one can have the ports.
                release=Release(order="stop-first", grace=GRACE_SECONDS + 10),
                ports=ports(tls, settings.host.kind == "local", settings.host.http_port),
                watched_image=site.images.tag("traefik"),
            ),
            site.runtime,
            site.networks,
            child,
        )
        self.register_outputs({})


def ports(tls: Tls, loopback: bool, http_port: int) -> tuple[Port, ...]:
    """What is published: 80 and 443 of every address, IPv6 too; on this machine one port of the loopback."""
    if loopback:
        return (Port(HTTP_PORT if tls.mode == "none" else HTTPS_PORT, http_port, "127.0.0.1"),)
    return tuple(
        Port(internal + step, external, ip)
        for internal, external in ((HTTP_PORT, 80), (HTTPS_PORT, 443))
        for ip, step in (("0.0.0.0", 0), ("::", IPV6_STEP))  # noqa: S104 # the firewall is before it
    )


def static_config(tls: Tls) -> str:
    """What Traefik reads once, at its start. JSON, which is YAML.

    https://doc.traefik.io/traefik/v3.7/reference/install-configuration/configuration-options/
    """
    entry_point: dict[str, Any] = {
        # X_Real_Ip is no header of ours, but an application may take it for one.
        "http": {"aliasHeadersStrategy": "delete"},
        "transport": {
            # It stops taking connections at once, and lets requests end.
            "lifeCycle": {"graceTimeOut": f"{GRACE_SECONDS}s"},
            "respondingTimeouts": {"readTimeout": f"{READ_SECONDS}s", "idleTimeout": f"{IDLE_SECONDS}s"},
        },
    }
    if tls.mode == "none":
        entry_points = {"web": {"address": f":{HTTP_PORT}", **entry_point}}
    else:
        to_https = {"entryPoint": {"to": ":443", "scheme": "https", "permanent": True}}
        entry_points = {}
        for suffix, step in (("", 0), ("-ipv6", IPV6_STEP)):
            entry_points[f"web{suffix}"] = {
                "address": f":{HTTP_PORT + step}",
                "http": {"redirections": to_https},
            }
            entry_points[f"websecure{suffix}"] = {"address": f":{HTTPS_PORT + step}", **entry_point}
    config: dict[str, Any] = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "INFO", "format": "json"},
        "accessLog": {
            "format": "json",
            # ClientHost is the peer; where that is a proxy of ours, its client is in the header.
            "fields": {
                "headers": {
                    "defaultMode": "drop",
                    "names": dict.fromkeys(
                        # By either a request is found in the logs of all that it came through.
                        ("User-Agent", "Cf-Ray", "X-Request-Id", clients.HEADER),
                        "keep",
                    ),
                }
            },
        },
        "entryPoints": {**entry_points, "ping": {"address": f":{PING_PORT}"}},
        "serversTransport": {"forwardingTimeouts": {"idleConnTimeout": f"{BACKEND_IDLE_SECONDS}s"}},
        "ping": {"entryPoint": "ping"},
        "metrics": {"prometheus": {"entryPoint": "ping"}},
        "providers": {
            "file": {"directory": DYNAMIC, "watch": True},
            # Between two changes; 2 s is for what changes by itself. A release waits for its own.
            "providersThrottleDuration": "200ms",
        },
    }
    if tls.mode == "dns-01":
        config["certificatesResolvers"] = {
            "acme": {
                "acme": {
                    "email": tls.acme_email,
                    "caServer": tls.acme_server,
                    "storage": f"{ACME}/acme.json",
                    "dnsChallenge": {"provider": "cloudflare", "resolvers": ["1.1.1.1:53", "8.8.8.8:53"]},
                }
            }
        }
    return json.dumps(config, indent=2) + "\n"


def write_dynamic(content: str) -> str:
    """The script that puts the configuration into the watched folder, and the configuration within it."""
    script = "\n".join(
        (HERE / name).read_text(encoding="utf-8") for name in ("watched.sh", "write-dynamic.sh")
    )
    return given(script, "put", "CONTENT", content.encode())
