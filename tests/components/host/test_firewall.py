"""The rules of the firewall, as data."""

from components.edge import http_sources
from components.host.firewall import ANYWHERE, Rule, rules
from components.settings.network import MAXIMUM_OF_A_RULE


def test_only_http_https_ssh_and_icmp_come_in() -> None:
    assert rules(["192.0.2.0/24", "2001:db8::/32"], ["203.0.113.0/24"]) == [
        Rule("http, redirected to https", "tcp", "80", ("192.0.2.0/24", "2001:db8::/32")),
        Rule("https", "tcp", "443", ("192.0.2.0/24", "2001:db8::/32")),
        Rule("ssh", "tcp", "22", ("203.0.113.0/24",)),
        Rule("ping and path MTU", "icmp", None, ANYWHERE),
    ]


def test_without_networks_for_ssh_there_is_no_rule_for_ssh() -> None:
    assert "22" not in [rule.port for rule in rules(["192.0.2.0/24"], [])], (
        "a rule without sources would be refused by Hetzner, or worse: mean anyone"
    )


def test_cloudflares_ranges_fit_and_leave_room() -> None:
    found = rules(http_sources(()), ["203.0.113.0/24"])
    assert sum(len(rule.sources) for rule in found) == 2 * 22 + 1 + 2


def test_as_many_networks_as_the_settings_take_are_no_more_rules_than_hetzner_takes() -> None:
    """infrastructure B4: each source of each rule counts, see `MAXIMUM_OF_A_RULE`."""
    networks = [f"198.51.{n}.0/24" for n in range(MAXIMUM_OF_A_RULE)]
    assert sum(len(rule.sources) for rule in rules(networks, networks)) <= 500
