"""Who can reach whom: two containers can talk if, and only if, they share a network here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker as docker

from components.containers.runtime import Runtime
from components.host.machine import once

EMPTY = (Path(__file__).parent / "empty-networks.sh").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Network:
    """A network. `internal`: no way out of the machine. `isolated`: members cannot reach each other."""

    purpose: str
    internal: bool = True
    isolated: bool = False


NETWORKS = {
    "ingress": Network(
        "traefik, from outside; it publishes ports and asks the certificate authority", internal=False
    ),
    # One for each, so that what faces the internet cannot reach its neighbours.
    "edge-api": Network("traefik to api"),
    "edge-web": Network("traefik to web"),
    "edge-temporal-ui": Network("traefik to temporal-ui"),
    "edge-metrics": Network("traefik to metrics and logs; metrics asks both for theirs"),
    "edge-grafana": Network("traefik to grafana"),
    "data": Network("postgres to those that store in it"),
    "workflow": Network("temporal to those that run or watch workflows"),
    # All three are in `workflow`, too: it gives none of them another to reach.
    "metrics-application": Network("metrics to api, worker and temporal"),
    "metrics-postgres": Network("metrics to the exporter of the database"),
    "metrics-host": Network("metrics to the exporter of the machine"),
    "metrics-alerts": Network("metrics to alerts and alertmanager, and these to each other"),
    "metrics-grafana": Network("grafana to metrics"),
    "egress": Network("to the internet, not to each other", internal=False, isolated=True),
    "socket-autoheal": Network("autoheal to its filter before the Docker socket"),
    "socket-watchtower": Network("watchtower to its filter before the Docker socket"),
}


class Networks(pulumi.ComponentResource):
    """The networks of a stack, by name; the names in Docker are generated.

    A generated name lets a changed network come before the old one goes, while containers move over.
    """

    def __init__(
        self, name: str, runtime: Runtime, wanted: Iterable[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("jira-plus-plus:containers:Networks", name, {}, opts)
        self._networks = {
            network: docker.Network(
                f"{name}-{network}",
                driver="bridge",
                internal=NETWORKS[network].internal,
                # Shared for the way out only; without this its members could reach each other's ports.
                options={"com.docker.network.bridge.enable_icc": "false"}
                if NETWORKS[network].isolated
                else None,
                labels=[
                    docker.NetworkLabelArgs(label="jira-plus-plus.stack", value=runtime.stack),
                    docker.NetworkLabelArgs(label="jira-plus-plus.network", value=network),
                ],
                opts=runtime.options(self),
            )
            for network in wanted
        }
        # A network with a member cannot go, and not every member is in the state: see `Release`.
        self._emptied = runtime.host.run(
            f"{name}-emptied",
            create=":",
            delete=f"{runtime.host.sudo}sh -s -- {runtime.stack} <<'SCRIPT'\n{EMPTY}SCRIPT",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._networks.values())),
        )
        self.register_outputs({})

    def __getitem__(self, network: str) -> pulumi.Output[str]:
        """The name in Docker of a network of `NETWORKS`; `KeyError` for one that this stack does not have."""
        return once(self._networks[network].name, self._emptied)
