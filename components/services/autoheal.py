"""Restarts a container that turned unhealthy, where its label allows it."""

from pathlib import Path

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.limits import Limits
from components.services.site import Site
from components.services.socket_proxy import SocketProxy, endpoint

HERE = Path(__file__).parent
USER = "65534:65534"
FOLDER = "/etc/jira"
HEARTBEAT = "/tmp/heartbeat"  # noqa: S108 # a tmpfs of its own
INTERVAL_SECONDS = 5
SILENCE_SECONDS = 25
"""How old the last look may be: an answer takes at most 10 s, then comes the interval, and one may fail."""


class Autoheal(pulumi.ComponentResource):
    """The watcher, and its filter before the Docker socket.

    The loop is ours, the image brings what it calls. The image's own (willfarrell/docker-autoheal at 1.2.0,
    docker-entrypoint) takes no `tcp://`, ends when the filter is away, gives every container the same grace,
    and its health check, `pgrep -f autoheal`, finds Docker's init, which has the word in its arguments.
    """

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
                    entrypoint=("/bin/sh", f"{FOLDER}/autoheal.sh"),
                    arguments=(
                        endpoint("autoheal", "http"),
                        site.runtime.autoheal_label,
                        str(INTERVAL_SECONDS),
                        HEARTBEAT,
                    ),
                    files={
                        f"{FOLDER}/{file}": (HERE / file).read_text(encoding="utf-8")
                        for file in ("autoheal.sh", "heartbeat.sh")
                    },
                    limits=Limits.of(site.settings.services.autoheal),
                    networks=("socket-autoheal",),
                ),
                health=Health(
                    command=("/bin/sh", f"{FOLDER}/heartbeat.sh", HEARTBEAT, str(SILENCE_SECONDS)), interval=3
                ),
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
