"""The filter before the Docker socket. Who speaks to the socket itself is root on the host; no one here does.

HAProxy with a rule for each method and path: what a consumer does not need is refused, whatever it becomes.
"""

from dataclasses import dataclass

import pulumi

from components.containers import Container, ContainerArgs, Health, Mount, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.services.site import Site

PORT = 2375
SOCKET = "/var/run/docker.sock"
CONFIG = "/usr/local/etc/haproxy/haproxy.cfg"
_NAME = "[A-Za-z0-9][A-Za-z0-9_.-]*"


@dataclass(frozen=True)
class Rule:
    """A method of the Docker API, and the path without its version as a regular expression, whole."""

    method: str
    path: str


PING = (Rule("GET", "/_ping"), Rule("HEAD", "/_ping"))
ALLOWED = {
    # Lists containers that are unhealthy, and restarts one; by id, which is what the list gives.
    "autoheal": (
        *PING,
        Rule("GET", "/containers/json"),
        Rule("POST", "/containers/[0-9a-f]{64}/restart"),
    ),
    # Compares a container's image with its tag's. No pull: that would fill the disk with what nobody runs.
    "watchtower": (
        *PING,
        Rule("GET", "/version"),
        Rule("GET", "/info"),
        Rule("GET", "/containers/json"),
        Rule("GET", f"/containers/{_NAME}/json"),
        Rule("GET", "/images/[A-Za-z0-9_.:/@-]+/json"),
    ),
}


class SocketProxy(pulumi.ComponentResource):
    """The filter for one consumer, on a network that only the two share. `endpoint` is where it listens."""

    def __init__(
        self, name: str, site: Site, consumer: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:services:SocketProxy", name, {}, opts)
        self.endpoint = endpoint(consumer)
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["socket_proxy"],
                    # The socket belongs to root, and its group's number differs from host to host. All
                    # capabilities are dropped, so that this is the owner of the socket and no more.
                    user="0:0",
                    entrypoint=("haproxy", "-db", "-f", CONFIG),
                    files={CONFIG: config(ALLOWED[consumer])},
                    limits=Limits.of(site.settings.services.socket_proxy),
                    networks=(f"socket-{consumer}",),
                    aliases=(f"socket-{consumer}",),
                    mounts=(Mount(source=SOCKET, target=SOCKET, read_only=True),),
                ),
                # A request through the filter to Docker: rule, socket and daemon.
                health=Health(command=http(PORT, "/_ping"), interval=3),
                # It keeps nothing: the consumer finds the next one under the same name.
                release=Release(order="start-first", grace=5),
                watched_image=site.images.tag("socket_proxy"),
            ),
            site.runtime,
            site.networks,
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def endpoint(consumer: str, scheme: str = "tcp") -> str:
    """The address of a consumer's filter, as DOCKER_HOST takes it; with `http` for who speaks that."""
    return f"{scheme}://socket-{consumer}:{PORT}"


def config(rules: tuple[Rule, ...]) -> str:
    """HAProxy's configuration: the rules, and nothing else; what it refuses it logs.

    https://docs.haproxy.org/3.2/configuration.html
    """
    allowed = "\n".join(
        rf"    http-request allow if {{ method {rule.method} }} {{ path -m reg ^(/v1\.[0-9]+)?{rule.path}$ }}"
        for rule in rules
    )
    return f"""\
global
    log stdout format raw local0
    maxconn 64
    nbthread 1

defaults
    log global
    option httplog
    mode http
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    timeout http-request 5s

frontend filter
    bind :{PORT}
    http-request set-log-level silent
{allowed}
    http-request set-log-level warning
    http-request deny deny_status 403
    default_backend docker

backend docker
    server docker unix@{SOCKET}
"""
