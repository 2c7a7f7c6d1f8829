"""The metrics of the machine: those of its kernel, and the text that `host.py` has written there.

It sees nothing of the host: what /proc has of processors, memory and disks is the whole machine's in every
container. What is not (its disks' space, its network, its services) is in the text.
"""

from collections.abc import Mapping

import pulumi

from components.containers import Container, ContainerArgs, Health, Process, Release
from components.containers.health import http
from components.containers.limits import Limits
from components.monitoring.host import HostMetrics
from components.services.site import Site

USER = "65534:65534"
"""`nobody`, as the image has it."""
PORT = 9100
ALIAS = "node-exporter"
NETWORKS = ("metrics-host",)
TEXT = "/var/lib/node_exporter"
COLLECTORS = (
    "cpu",
    "diskstats",
    "loadavg",
    "meminfo",
    "pressure",
    "stat",
    "textfile",
    "time",
    "timex",
    "uname",
    "vmstat",
)


class NodeExporter(pulumi.ComponentResource):
    """The exporter, and on a server the script that writes the text.

    `services` have to run, each on so many networks, as this has.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        services: Mapping[str, int],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("jira-plus-plus:monitoring:NodeExporter", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        # Nothing is installed on a developer's machine.
        text = (
            HostMetrics(f"{name}-host", site, {**services, name: len(NETWORKS)}, child)
            if site.runtime.host.data_path
            else None
        )
        self.container = Container(
            name,
            ContainerArgs(
                process=Process(
                    image=site.images["node_exporter"],
                    user=USER,
                    entrypoint=("/bin/node_exporter",),
                    arguments=arguments(text=text is not None),
                    limits=Limits.of(site.settings.services.node_exporter),
                    networks=NETWORKS,
                    aliases=(ALIAS,),
                    mounts=(text.mount(TEXT),) if text else (),
                ),
                health=Health(command=http(PORT, "/"), interval=3),
                release=Release(order="stop-first", grace=5),
                watched_image=site.images.tag("node_exporter"),
            ),
            site.runtime,
            site.networks,
            child,
        )
        self.register_outputs({})


def arguments(*, text: bool) -> tuple[str, ...]:
    """Its command line; `text`: whether a folder with text is mounted at `TEXT`."""
    return (
        f"--web.listen-address=:{PORT}",
        "--web.disable-exporter-metrics",
        "--log.format=json",
        "--log.level=warn",
        "--collector.disable-defaults",
        *(f"--collector.{name}" for name in COLLECTORS if text or name != "textfile"),
        *((f"--collector.textfile.directory={TEXT}",) if text else ()),
    )
