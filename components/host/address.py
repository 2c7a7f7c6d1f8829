"""The server's public addresses, apart from its life: a replaced server answers at the same ones."""

import ipaddress
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_hcloud as hcloud

from components.host.labels import labels, prefix


@dataclass(frozen=True)
class AddressArgs:
    """Where the addresses belong, and whether they may go."""

    stack: str
    location: str
    protected: bool


class Address(pulumi.ComponentResource):
    """A primary IPv4 address and IPv6 network. `ipv4` and `ipv6` are the server's addresses as text."""

    def __init__(self, name: str, args: AddressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Address", name, {}, opts)

        def primary_ip(version: Literal["ipv4", "ipv6"]) -> hcloud.PrimaryIp:
            return hcloud.PrimaryIp(
                f"{name}-{version}",
                name=f"{prefix(args.stack)}-{version}",
                type=version,
                location=args.location,
                auto_delete=False,  # it must not go with the server
                delete_protection=args.protected,
                labels=labels(args.stack),
                opts=pulumi.ResourceOptions(
                    parent=self,
                    protect=args.protected,
                    delete_before_replace=True,  # the name is fixed and unique
                ),
            )

        self.primary_ipv4 = primary_ip("ipv4")
        self.primary_ipv6 = primary_ip("ipv6")
        self.ipv4: pulumi.Output[str] = self.primary_ipv4.ip_address
        self.ipv6: pulumi.Output[str] = self.primary_ipv6.ip_network.apply(first_address)
        self.register_outputs({"ipv4": self.ipv4, "ipv6": self.ipv6})


def first_address(network: str) -> str:
    """The address that Hetzner gives to the server in its IPv6 network: the first after the network's own."""
    return str(ipaddress.ip_network(network)[1])
