"""Reports that a newer image appeared under a tag. It changes nothing: versions live in the stack files.

It downloads nothing either. Where the registry's digest is another than the container's it asks for a pull
(nicholas-fedor/watchtower at v1.20.3, pkg/container/image.go; also with MONITOR_ONLY); the filter refuses it,
and its log line, with image and tag, is the report. With NO_PULL it would not ask the registry at all.
"""

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.borrowed import BUSYBOX, BUSYBOX_FOLDERS, Borrowed
from components.containers.health import http
from components.containers.limits import Limits
from components.services.site import Site
from components.services.socket_proxy import SocketProxy

USER = "65534:65534"
SCHEDULE = "0 30 5 * * *"
"""Seconds first: daily at 05:30 UTC, after the backup and the system's own upgrades."""
HEALTH_PORT = 8080


class Watchtower(pulumi.ComponentResource):
    """The watcher, and its filter before the Docker socket."""

    def __init__(self, name: str, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:services:Watchtower", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.proxy = SocketProxy(f"socket-{name}", site, "watchtower", child)
        # Its image has one file, whose `--health-check` ends with 0 whatever the running process does
        # (nicholas-fedor/watchtower at v1.20.3, cmd/root.go). /readyz is that process, and asks Docker.
        busybox = Borrowed(
            f"{name}-busybox", site.runtime, site.images["socket_proxy"], BUSYBOX_FOLDERS, child
        )
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["watchtower"],
                    user=USER,
                    entrypoint=("/watchtower",),
                    environment={
                        "DOCKER_HOST": self.proxy.endpoint,
                        "NO_COLOR": "true",
                        "TZ": "UTC",
                        "WATCHTOWER_HTTP_API_ENDPOINTS": "health",
                        "WATCHTOWER_HTTP_API_HOST": "127.0.0.1",
                        "WATCHTOWER_HTTP_API_PORT": str(HEALTH_PORT),
                        "WATCHTOWER_LABEL_ENABLE": "true",
                        "WATCHTOWER_MONITOR_ONLY": "true",
                        "WATCHTOWER_NOTIFICATIONS_LEVEL": "info",
                        "WATCHTOWER_SCHEDULE": SCHEDULE,
                    },
                    limits=Limits.of(site.settings.services.watchtower),
                    networks=("egress", "socket-watchtower"),
                    mounts=busybox.mounts,
                ),
                health=Health(command=(BUSYBOX, *http(HEALTH_PORT, "/readyz")), interval=5),
                release=Release(order="stop-first", grace=10),
                watched_image=site.images.tag("watchtower"),
            ),
            site.runtime,
            site.networks,
            child,
            depends_on=[self.proxy],
        )
        self.register_outputs({})
