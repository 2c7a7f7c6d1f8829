"""A machine's public address and Hetzner firewall as nftables on this side of its network link.

A table per machine, replaced as a whole. A client on this machine may speak from any loopback address: the
firewall sees which, and tells 127.0.0.1 from 127.200.0.1 as Hetzner's tells two networks apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.machines import FirewallRule
from rehearsal.machines.docker.network import BRIDGE, GATEWAY, REGISTRY


def table_of(machine_address: str) -> str:
    """The name of a machine's table."""
    return "jira_plus_plus_" + machine_address.replace(".", "_")


def removal(machine_address: str) -> str:
    """The ruleset that removes a machine's table, whether it is there or not."""
    table = table_of(machine_address)
    return f"table ip {table}\ndelete table ip {table}\n"


def ruleset(machine_address: str, public: str, rules: Sequence[FirewallRule] | None) -> str:
    """The ruleset of a machine: its public address leads to it, and only what the rules list gets through.

    `public` may be "". `rules` are as in `Machines.set_firewall`: None lets everything pass.
    """
    chains = []
    if public:
        chains += [
            _chain(
                "dstnat", "nat hook output priority -110", [f"ip daddr {public} dnat to {machine_address}"]
            ),
            # The machine could not answer a loopback address: to it, all this comes from the gateway.
            _chain(
                "srcnat",
                "nat hook postrouting priority 90",
                [f"ip saddr 127.0.0.0/8 ip daddr {machine_address} snat to {GATEWAY}"],
            ),
        ]
    # route_localnet is on for the bridge; a machine must not reach this machine's loopback by it.
    chains.append(
        _chain(
            "forged",
            "filter hook prerouting priority -300",
            [f'iifname "{BRIDGE}" ip daddr 127.0.0.0/8 drop'],
        )
    )
    if rules is not None:
        inbound = [f"ip daddr {machine_address} jump inbound"]
        chains += [
            _chain("inbound", None, [*_through(rules, "in", "saddr"), "counter drop"]),
            _chain("from_here", "filter hook output priority 0", inbound),
            _chain("from_elsewhere", "filter hook forward priority -1", inbound),
        ]
    if rules and any(rule.direction == "out" for rule in rules):
        outbound = [f"ip saddr {machine_address} jump outbound"]
        # The registry stands for those on the internet, which a rule for port 443 would let through.
        registry = [f"ip daddr {REGISTRY} accept"]
        chains += [
            _chain("outbound", None, registry + _through(rules, "out", "daddr") + ["counter drop"]),
            _chain("to_here", "filter hook input priority 0", outbound),
            _chain("to_elsewhere", "filter hook forward priority -1", outbound),
        ]
    return removal(machine_address) + f"table ip {table_of(machine_address)} {{\n" + "".join(chains) + "}\n"


def _chain(name: str, hook: str | None, statements: list[str]) -> str:
    lines = [f"type {hook};"] if hook else []
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines + statements) + "  }\n"


def _through(rules: Sequence[FirewallRule], direction: str, side: str) -> list[str]:
    statements = ["ct state established,related accept"]
    for rule in rules:
        # The machines have no public IPv6 address, so those networks have nothing to match.
        networks = [network for network in rule.networks if ":" not in network]
        if rule.direction != direction or not networks:
            continue
        match = f"ip protocol {rule.protocol}"
        if rule.protocol in ("tcp", "udp") and rule.port not in (None, "any"):
            match = f"{rule.protocol} dport {rule.port}"
        if "0.0.0.0/0" not in networks:
            # Networks may overlap, which only an auto-merged set could hold: one statement each.
            statements += [f"{match} ip {side} {network} accept" for network in networks]
        else:
            statements.append(f"{match} accept")
    return statements
