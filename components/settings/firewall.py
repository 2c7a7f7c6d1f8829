"""What must hold of the networks that Hetzner's firewall lets in."""

import ipaddress
from collections.abc import Iterator, Sequence

from components.settings.edge import Edge
from components.settings.host import Host
from components.settings.network import MAXIMUM_OF_A_RULE, WIDEST, joined, repeated, unroutable
from components.settings.problem import Problem
from components.settings.report import Screen

_show = Screen().show
SSH, HTTP = "host.ssh.allowed_networks", "edge.http_sources"


def networks_are_few_and_apart(host: Host, edge: Edge) -> Iterator[Problem]:
    """Hetzner takes a hundred networks a rule, and one that says nothing new hides what the others say."""
    if host.kind != "hetzner":
        return
    for path, networks in ((SSH, host.ssh.allowed_networks), (HTTP, edge.http_sources)):
        if len(networks) > MAXIMUM_OF_A_RULE:
            yield Problem(
                path,
                f"{len(networks)} networks",
                f"are more than the {MAXIMUM_OF_A_RULE} that Hetzner takes in a rule of its firewall",
                "name fewer and wider ones, or let people come by a VPN",
            )
        for index, wider in repeated(networks):
            at, same = f"{path}[{index}]", wider == networks[index]
            what = "is named before" if same else f"lies in {wider}, which is named too"
            yield Problem(at, _show(at, networks[index]), what, "remove it")


def networks_can_arrive(host: Host, edge: Edge, rehearsed: bool) -> Iterator[Problem]:
    """The firewall stands at the server's public addresses. (A rehearsed one stands on this machine.)"""
    if host.kind != "hetzner" or rehearsed:
        return
    for path, networks in ((SSH, host.ssh.allowed_networks), (HTTP, edge.http_sources)):
        for index, network in enumerate(networks):
            if kind := unroutable(ipaddress.ip_network(network)):
                at = f"{path}[{index}]"
                yield Problem(
                    at,
                    _show(at, network),
                    f"is {kind}: nothing comes from there over the Internet",
                    "name the public addresses that they come from, as a server on the Internet sees them",
                )


def networks_are_not_the_world(host: Host, edge: Edge) -> Iterator[Problem]:
    """Two halves of the world are the world.

    Who may reach port 22 is a choice to be made in writing; who passes by Cloudflare meets none of its rules.
    """
    if host.kind != "hetzner":
        return
    if not host.ssh.allow_any_network:
        yield from worldwide(
            SSH,
            host.ssh.allowed_networks,
            "opens ssh to the whole world",
            "name the networks that need it, or set host.ssh.allow_any_network: true instead",
        )
    yield from worldwide(
        HTTP,
        edge.http_sources,
        "lets anyone pass by Cloudflare",
        "name the networks, or write [] for Cloudflare's ranges",
    )


def worldwide(path: str, networks: Sequence[str], wrong: str, remedy: str) -> Iterator[Problem]:
    """What of `networks` is, alone or together, wider than any one organisation."""
    for wide in joined(networks):
        if wide.prefixlen >= WIDEST[wide.version]:
            continue
        if str(wide) in networks:
            at = f"{path}[{networks.index(str(wide))}]"
            yield Problem(at, _show(at, str(wide)), wrong, remedy)
        else:
            yield Problem(path, _show(path, networks), f"{wrong}: together they are {wide}", remedy)
