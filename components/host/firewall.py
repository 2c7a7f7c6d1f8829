"""Hetzner's firewall before the server. Docker's published ports bypass a firewall on the server itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_hcloud as hcloud

from components.host.labels import labels, prefix

ANYWHERE = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True)
class Rule:
    """An inbound rule; what no rule names is dropped. `port` is None for icmp."""

    description: str
    protocol: str
    port: str | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class FirewallArgs:
    """Who may reach what: networks in CIDR notation."""

    stack: str
    http_sources: Sequence[str]
    ssh_sources: Sequence[str]


class Firewall(pulumi.ComponentResource):
    """The firewall; a server takes part in it by its id."""

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Firewall", name, {}, opts)
        self.resource = hcloud.Firewall(
            f"{name}-firewall",
            name=prefix(args.stack),
            labels=labels(args.stack),
            rules=[
                hcloud.FirewallRuleArgs(
                    direction="in",
                    description=rule.description,
                    protocol=rule.protocol,
                    port=rule.port,
                    source_ips=list(rule.sources),
                )
                for rule in rules(args.http_sources, args.ssh_sources)
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def rules(http_sources: Sequence[str], ssh_sources: Sequence[str]) -> list[Rule]:
    """The rules: http and https from `http_sources`, ssh from `ssh_sources`, icmp from anywhere.

    Without `ssh_sources` there is no rule for ssh.
    """
    found = [
        Rule("http, redirected to https", "tcp", "80", tuple(http_sources)),
        Rule("https", "tcp", "443", tuple(http_sources)),
        Rule("ssh", "tcp", "22", tuple(ssh_sources)),
        Rule("ping and path MTU", "icmp", None, ANYWHERE),
    ]
    return [rule for rule in found if rule.sources]
