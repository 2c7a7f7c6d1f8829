"""Who can reach whom, as a matrix; and who can reach the internet."""

from itertools import combinations

import pytest

from components.containers.networks import NETWORKS
from rehearsal.declared.platform import containers, declared

MEMBERS = {
    "ingress": {"traefik"},
    "edge-api": {"traefik", "api"},
    "edge-web": {"traefik", "web"},
    "edge-temporal-ui": {"traefik", "temporal-ui"},
    "edge-metrics": {"traefik", "metrics", "logs"},
    "edge-grafana": {"traefik", "grafana"},
    "data": {"postgres", "temporal", "api", "worker", "backup", "postgres-exporter"},
    "workflow": {"temporal", "api", "worker", "temporal-ui"},
    "metrics-application": {"metrics", "api", "worker", "temporal"},
    "metrics-postgres": {"metrics", "postgres-exporter"},
    "metrics-host": {"metrics", "node-exporter"},
    "metrics-alerts": {"metrics", "alerts", "alertmanager"},
    "metrics-grafana": {"metrics", "grafana"},
    "egress": {"api", "worker", "watchtower", "alertmanager"},
    "socket-autoheal": {"autoheal", "socket-autoheal"},
    "socket-watchtower": {"watchtower", "socket-watchtower"},
}


GRAFANAS = ("edge-grafana", "metrics-grafana")
"""Of a stack that has Grafana."""


def members(stack: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {network: set() for network in NETWORKS}
    for service, container in containers(declared(stack)).items():
        for network in container.inputs["networksAdvanced"]:
            found[network["name"].removeprefix("network-").removesuffix("-0a1b2c3")].add(service)
    return found


@pytest.mark.parametrize("stack", ["local", "uat", "prod"])
def test_each_network_has_exactly_its_members(stack: str) -> None:
    expected = dict(MEMBERS)
    if stack == "prod":
        # Copies and the database's log go off the machine where buckets are named.
        expected["egress"] = expected["egress"] | {"backup", "postgres"}
    if stack == "local":
        expected["edge-metrics"] = expected["edge-metrics"] - {"logs"}  # there is no journal
    if stack == "uat":
        expected |= {name: set() for name in GRAFANAS}  # its server has no room for it
    assert members(stack) == expected


def test_nobody_reaches_whom_it_must_not() -> None:
    reachable = {
        frozenset(pair)
        for network, services in MEMBERS.items()
        if not NETWORKS[network].isolated
        for pair in combinations(services, 2)
    }
    for one, other in (
        ("traefik", "postgres"),
        ("traefik", "temporal"),
        ("traefik", "worker"),
        ("web", "postgres"),
        ("web", "temporal"),
        ("web", "api"),
        ("web", "temporal-ui"),
        ("temporal-ui", "postgres"),
        ("autoheal", "api"),
        ("watchtower", "api"),
        ("backup", "temporal-ui"),
        ("socket-autoheal", "traefik"),
        ("metrics", "postgres"),
        ("metrics", "web"),
        ("metrics", "backup"),
        ("node-exporter", "postgres-exporter"),
        ("postgres-exporter", "traefik"),
        ("logs", "api"),
        ("logs", "postgres"),
        ("logs", "alertmanager"),
        ("alerts", "api"),
        ("alertmanager", "traefik"),
        ("alertmanager", "postgres"),
        ("grafana", "api"),
        ("grafana", "postgres"),
        ("grafana", "alertmanager"),
    ):
        assert frozenset((one, other)) not in reachable, f"{one} reaches {other}"


def test_only_who_must_has_a_way_out_of_the_machine() -> None:
    outside = set().union(*(MEMBERS[name] for name, network in NETWORKS.items() if not network.internal))
    assert outside == {"traefik", "api", "worker", "watchtower", "alertmanager"}


def test_the_networks_are_declared_as_they_are_described() -> None:
    for name, network in NETWORKS.items():
        inputs = declared("prod").one(f"network-{name}").inputs
        assert inputs["internal"] == network.internal
        assert inputs.get("options", {}) == (
            {"com.docker.network.bridge.enable_icc": "false"} if network.isolated else {}
        )
        assert "name" not in inputs, "a generated name: the next network comes before the last goes"


def test_a_watcher_that_is_switched_off_leaves_no_network() -> None:
    from components.platform import networks
    from rehearsal.declared.stacks import stack_settings

    off = stack_settings(
        "uat", {"services.watchtower": {"enabled": False}, "services.autoheal": {"enabled": False}}
    )
    assert set(NETWORKS) - set(networks(off)) == {"socket-watchtower", "socket-autoheal", *GRAFANAS}


def test_without_metrics_there_is_no_network_of_theirs() -> None:
    from components.platform import networks
    from rehearsal.declared.stacks import REMOVE, stack_settings

    off = stack_settings("uat", {"monitoring": {"enabled": False}, "domain.metrics": REMOVE})
    missing = set(NETWORKS) - set(networks(off))
    assert missing == {
        "edge-metrics",
        "metrics-application",
        "metrics-postgres",
        "metrics-host",
        "metrics-alerts",
        *GRAFANAS,
    }


def test_who_has_no_way_out_does_not_wait_for_the_dns() -> None:
    inside = {
        service
        for service in containers(declared("uat"))
        if all(NETWORKS[network].internal for network, services in MEMBERS.items() if service in services)
    }
    for service, container in containers(declared("uat")).items():
        expected = ["timeout:1", "attempts:1"] if service in inside else None
        assert container.inputs.get("dnsOpts") == expected, service
