"""The moment at which a release gets the traffic, and the one before it ends."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.containers import Container
from components.containers.files import MOUNTED
from components.edge.urls import urls
from components.services.api import CANARY
from components.services.routing import ASSETS, server
from components.services.site import Site
from components.services.traefik import HTTP_PORT, HTTPS_PORT, PING_PORT, Traefik
from components.services.traefik import USER as TRAEFIK_USER

HERE = Path(__file__).parent
ENDING = f"{MOUNTED}\n{(HERE / 'end.sh').read_text(encoding='utf-8')}"
"""Functions of a shell that end containers."""
PATHS = {"api": "/health", "web": "/"}
"""What is asked of each name that is the application's."""
PROBES = {**PATHS, "temporal-ui": "/healthz", CANARY: PATHS["api"]}
"""What is asked of each container through the proxy, past what is between its entrance and the service."""
BEFORE = "@before@"
"""In the file of the servers, in place of a container's name: whose assets are kept. The script knows."""
COOKIE = "jira_plus_plus_api"
"""Which of the two APIs a client has, where there are two. Nobody's secret, and nobody's identity."""
COOKIE_SECONDS = 24 * 3600
"""Then a client is sent anew, so that a share that was raised is reached within a day."""
SECONDS = 60
ACME_SECONDS = 180
"""A name without a certificate is served to nobody, and an authority takes its time."""


@dataclass(frozen=True)
class Served:
    """A container that the proxy serves from, and the port it listens on."""

    container: Container
    port: int


class Cutover(pulumi.ComponentResource):
    """Gives the traffic to the containers that are given, asks for it, and ends those before them.

    A file says where the proxy sends what. It is written once all are healthy and the proxy has answered for
    each of them under a name that only this program knows: before, none of a release has traffic, and one
    that fails takes none. Then the proxy is asked by the names that users know. If it does not serve, the
    former file comes back. Either way what is new is stopped.

    The former containers are the script's to end, not the engine's: see `components.containers.Release`. So
    it finds them by their labels, those of an update that was killed, too. One it keeps: the web application
    of the build before, for the assets of pages that are still open.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        traefik: Traefik,
        served: Sequence[Served],
        unserved: Sequence[Container],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:services:Cutover", name, {}, opts)
        runtime, host = site.runtime, site.runtime.host
        containers = [*(one.container for one in served), *unserved]
        services = sorted({*(container.service for container in containers), CANARY})
        canary = site.settings.release.canary
        names = pulumi.Output.all(**{container.service: container.name_in_docker for container in containers})
        ports = {one.container.service: one.port for one in served}
        functions = "\n".join([ENDING, text("watched.sh"), text("cutover.sh")])
        check = text("smoke-check.js")
        words = pulumi.Output.all(traefik.folder, names).apply(
            lambda known: [
                *(known[0], TRAEFIK_USER, host.files_root, runtime.stack),
                *(f"{service}={known[1].get(service, '')}" for service in services),
            ]
        )
        arguments = names.apply(
            lambda names: [
                *configuration(
                    {service: (names[service], port) for service, port in ports.items()},
                    canary.share if canary else 0,
                    site.settings.tls.mode != "none",
                ),
                names["api"],  # it has node
                *questions(site, {service: names[service] for service in ports}),
            ]
        )
        self.resource = host.run(
            name,
            create=words.apply(lambda words: f"{host.sudo}{shlex.join(['sh', '-s', '--', *words])}"),
            # An error shows the command, and not what it reads.
            stdin=arguments.apply(
                lambda words: f"{functions}\ncutover {shlex.join(words)} <<'CHECK'\n{check}CHECK\n"
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*containers, traefik]),
        )
        # By itself, so that `pulumi up --replace` of the cutover ends nothing that serves.
        host.run(
            f"{name}-end",
            create=":",
            delete=end(host.sudo, [host.files_root, runtime.stack, *services]),
            opts=pulumi.ResourceOptions(parent=self, depends_on=containers),
        )
        self.register_outputs({})


def configuration(
    found: Mapping[str, tuple[str, int]], share: int = 0, secure: bool = True
) -> tuple[str, str]:
    """Two files of Traefik's, as JSON: of the candidates, and of the servers. `found`: name and port.

    `share` is the canary's, in percent, where it is found; `secure`: whether there is TLS.

    A candidate is a service of its own, with a router for the name of its container at the port of Traefik's
    own health check, which is not published. The servers are the services that the routers of the public
    names lead to, and a router by which one can tell that the file is in force: Traefik takes a file whole.
    An asset that the web application does not have (404) the one before it is asked for.

    There is no check of health in the balancer: with one server there is none to turn to, and a server that
    was busy for five seconds became a 503 for everyone. A canary is asked: beside it there is one.
    """
    stable = "api-stable" if CANARY in found else "api"

    def served(service: str) -> str:
        return stable if service == "api" else service

    def file(name: str, more: Mapping[str, Any], named: Callable[[str], str]) -> str:
        services, routers = dict(more), {}
        for service, (container, port) in found.items():
            services.setdefault(named(service), server(container, port))
            routers[name.format(service)] = {
                "rule": f"Host(`{name.format(container)}`)",
                "entryPoints": ["ping"],
                "service": named(service),
            }
        return json.dumps({"http": {"services": services, "routers": routers}})

    assets = {
        "web-before": server(BEFORE, found["web"][1]),
        # https://doc.traefik.io/traefik/v3.7/reference/routing-configuration/http/load-balancing/service/#failover
        ASSETS: {
            "failover": {
                "service": "web",
                "fallback": "web-before",
                # To ask twice, it keeps what came with the request.
                "errors": {"status": ["404"], "maxRequestBodyBytes": 0},
            }
        },
    }
    shared = sharing(*found[CANARY], stable, share, secure) if CANARY in found else {}
    return (
        file("candidate-{}", {}, "candidate-{}".format),
        file("serves-{}", {**assets, **shared}, served),
    )


def sharing(container: str, port: int, stable: str, share: int, secure: bool) -> dict[str, Any]:
    """Traefik's services by which `share` percent of the clients get the canary, and the others `stable`.

    Each stays where it was sent. While the canary is not well its clients are served as the others are.
    https://doc.traefik.io/traefik/v3.7/reference/routing-configuration/http/load-balancing/service/
    """
    canary = server(container, port)
    canary["loadBalancer"]["healthCheck"] = {"path": PATHS["api"], "interval": "1s", "timeout": "3s"}
    cookie = {"name": COOKIE, "httpOnly": True, "secure": secure, "sameSite": "lax", "maxAge": COOKIE_SECONDS}
    return {
        CANARY: canary,
        f"{CANARY}-or-stable": {"failover": {"service": CANARY, "fallback": stable}},
        "api": {
            "weighted": {
                "services": [
                    {"name": stable, "weight": 100 - share},
                    {"name": f"{CANARY}-or-stable", "weight": share},
                ],
                "sticky": {"cookie": cookie},
            }
        },
    }


def questions(site: Site, found: Mapping[str, str]) -> tuple[str, str]:
    """The arguments of the smoke check before and after the change, words of one line each.

    It asks the proxy from within, past Cloudflare and the firewall, which have not changed.
    """
    tls = site.settings.tls.mode
    names = urls(site.settings.domain.host_names, tls, None)
    proxy = [
        f"{site.runtime.prefix}-traefik",
        str(HTTP_PORT if tls == "none" else HTTPS_PORT),
        str(ACME_SECONDS if tls == "dns-01" else SECONDS),
    ]

    def probes(host: str) -> list[str]:
        return [f"http://{host.format(name)}:{PING_PORT}{PROBES[service]}" for service, name in found.items()]

    public = [f"{names[purpose]}{path}" for purpose, path in PATHS.items()]
    return (
        " ".join([*proxy, *probes("candidate-{}"), "--"]),
        " ".join([*proxy, *probes("serves-{}"), "--", *public]),
    )


def end(sudo: str, words: Sequence[str]) -> str:
    """The command that ends all that serves a stack's services; `words`: files, stack, services."""
    return f"{sudo}sh -s <<'SCRIPT'\n{ENDING}\nend_all {shlex.join(words)}\nSCRIPT"


def text(name: str) -> str:
    """A script that lies beside this file."""
    return (HERE / name).read_text(encoding="utf-8")
