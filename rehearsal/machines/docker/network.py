"""The network that the machines are plugged into, and where on it each has its place."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import APIError, NotFound

from operations.cache import alone
from rehearsal.images import LABEL
from rehearsal.machines import MachineError

NAME = "jira-plus-plus-machines"
BRIDGE = "jpp-machines"
SUBNET = ipaddress.IPv4Network("10.77.0.0/23")
GATEWAY = "10.77.0.1"
"""This machine, as the booted machines see it: what comes over a public address seems to come from here."""
REGISTRY = "10.77.1.2"
UNADDRESSED = "10.77.1.128/25"
"""Where servers without a public address are put."""
RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def private_address(public: str) -> str:
    """Where on the network the machine with the public address 127.77.0.n is: 10.77.0.n."""
    return str(SUBNET.network_address + int(public.rpartition(".")[2]))


@contextmanager
def kept(client: docker.DockerClient) -> Iterator[None]:
    """The network is there until something was plugged into it: no other rehearsal removes it as unused.

    Raises:
        MachineError: Docker or the kernel refused.
    """
    with alone("network"):
        _ensure(client)
        yield


def _ensure(client: docker.DockerClient) -> None:
    """Makes the network if it is not there, and lets loopback addresses be forwarded to it.

    Raises:
        MachineError: Docker or the kernel refused.
    """
    try:
        client.networks.get(NAME)
    except NotFound:
        pool = docker.types.IPAMPool(subnet=str(SUBNET), gateway=GATEWAY, iprange=UNADDRESSED)
        try:
            client.networks.create(
                NAME,
                ipam=docker.types.IPAMConfig(pool_configs=[pool]),
                options={"com.docker.network.bridge.name": BRIDGE},
                labels={LABEL: "machines"},
            )
        except APIError as error:
            raise MachineError(f"Docker made no network {NAME} ({SUBNET}): {error.explanation}") from None
    # Without it the kernel drops what 127.0.0.0/8 sends over a bridge; the firewall drops what is forged.
    Path(f"/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet").write_text("1")


def remove_if_unused(client: docker.DockerClient) -> None:
    """Removes the network once no machine is left on it."""
    with alone("network"):
        try:
            network = client.networks.get(NAME)
        except NotFound:
            return
        if not client.containers.list(all=True, filters={"network": NAME}):
            network.remove()


def resolver() -> str:
    """The text of a resolv.conf for the machines: this machine's name servers, without those on its loopback.

    Docker's own resolver lies on the machine's loopback, which the containers inside it do not reach.
    """
    for path in RESOLVERS:
        if path.exists():
            lines = [line for line in path.read_text().splitlines() if not line.startswith("nameserver 127.")]
            if any(line.startswith("nameserver ") for line in lines):
                return "\n".join(lines) + "\n"
    return "nameserver 1.1.1.1\n"


def nft(ruleset: str) -> None:
    """Loads a ruleset as one transaction.

    Raises:
        MachineError: nft is missing or refused it.
    """
    try:
        done = subprocess.run(["nft", "-f", "-"], input=ruleset, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise MachineError(
            "nft is not on PATH, and firewalls are made with it; apt-get install nftables"
        ) from None
    if done.returncode:
        raise MachineError(f"nft refused the firewall: {done.stderr.strip()}")
