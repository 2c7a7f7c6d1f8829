"""Restarts a container that turned unhealthy, where its label allows it."""

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.limits import Limits
from components.services.site import Site
from components.services.socket_proxy import SocketProxy

USER = "65534:65534"
INTERVAL_SECONDS = 5
HEALTH = ("pgrep", "-f", "autoheal")
"""The image's own: it has no port to ask."""


class Autoheal(pulumi.ComponentResource):
    """The watcher, and its filter before the Docker socket."""

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:services:Autoheal", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.proxy = SocketProxy(f"socket-{name}", site, "autoheal", child)
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["autoheal"],
                    user=USER,
                    entrypoint=("/docker-entrypoint", "autoheal"),
                    environment={
                        "AUTOHEAL_CONTAINER_LABEL": site.runtime.autoheal_label,
                        "AUTOHEAL_INTERVAL": str(INTERVAL_SECONDS),
                        "AUTOHEAL_ONLY_MONITOR_RUNNING": "true",
                        "DOCKER_SOCK": self.proxy.endpoint,
                        "CURL_TIMEOUT": "150",  # a restart lasts as long as the longest grace, and then some
                    },
                    limits=Limits.of(site.settings.services.autoheal),
                    networks=("socket-autoheal",),
                ),
                health=Health(command=HEALTH, interval=3),
                release=Release(order="stop-first", grace=5),
                autoheal=False,  # it cannot restart itself: the request would end with it
                watched_image=site.images.tag("autoheal"),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[self.proxy],
        )
        self.register_outputs({})
