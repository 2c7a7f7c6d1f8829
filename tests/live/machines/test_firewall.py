"""The firewall is enforced: what it lists gets through, and nothing else."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from rehearsal.machines import FirewallRule
from rehearsal.machines.docker import DockerMachines, firewall
from tests.live.machines.shell import OPEN_SSH, Ssh

STRANGER = "127.200.0.1"
PORT = 8000


@pytest.fixture(scope="module")
def ssh(boot: Callable[..., Ssh]) -> Ssh:
    ssh = boot(1)
    ssh(f"sudo systemd-run --unit web python3 -m http.server {PORT}")
    deadline = time.monotonic() + 10
    while ssh.attempt(f"nc -z 127.0.0.1 {PORT}").returncode and time.monotonic() < deadline:
        time.sleep(0.1)
    return ssh


def reaches(address: str, port: int, source: str = "127.0.0.1") -> bool:
    """Whether a connection from that address is accepted; a drop shows after the time-out."""
    try:
        with socket.create_connection((address, port), timeout=1, source_address=(source, 0)):
            return True
    except TimeoutError:
        return False


@pytest.mark.live
def test_a_listed_port_is_open_to_listed_networks_only(ssh: Ssh, machines: DockerMachines) -> None:
    machines.set_firewall(1, [OPEN_SSH, FirewallRule("in", "tcp", str(PORT), ("127.0.0.0/24", "::/0"))])
    assert reaches(ssh.address, PORT)
    assert not reaches(ssh.address, PORT, STRANGER)
    assert not reaches(ssh.address, 22, STRANGER)


@pytest.mark.live
def test_an_open_service_on_an_unlisted_port_is_closed(ssh: Ssh, machines: DockerMachines) -> None:
    machines.set_firewall(1, [OPEN_SSH])
    assert not reaches(ssh.address, PORT)
    assert reaches(ssh.address, 22)


@pytest.mark.live
def test_the_address_behind_the_public_one_is_no_way_around(ssh: Ssh, machines: DockerMachines) -> None:
    machines.set_firewall(1, [OPEN_SSH])
    private = ssh("hostname -I").split()[0]
    with pytest.raises((TimeoutError, OSError)):
        socket.create_connection((private, PORT), timeout=1)


@pytest.mark.live
def test_a_range_opens_all_of_it_and_the_stranger_counts_as_the_world(
    ssh: Ssh, machines: DockerMachines
) -> None:
    machines.set_firewall(1, [OPEN_SSH, FirewallRule("in", "tcp", "7990-8010", ("0.0.0.0/0", "::/0"))])
    assert reaches(ssh.address, PORT, STRANGER)


@pytest.mark.live
def test_without_a_firewall_all_is_open_and_an_empty_one_closes_all(
    ssh: Ssh, machines: DockerMachines
) -> None:
    machines.set_firewall(1, None)
    assert reaches(ssh.address, PORT, STRANGER)
    machines.set_firewall(1, [])
    assert not reaches(ssh.address, PORT)
    assert not reaches(ssh.address, 22)
    machines.set_firewall(1, [OPEN_SSH])


@pytest.mark.live
def test_ping_passes_as_its_own_protocol(ssh: Ssh, machines: DockerMachines) -> None:
    machines.set_firewall(1, [OPEN_SSH])
    assert not answers_ping(ssh.address)
    machines.set_firewall(1, [OPEN_SSH, FirewallRule("in", "icmp", None, ("0.0.0.0/0",))])
    assert answers_ping(ssh.address)


def answers_ping(address: str) -> bool:
    """Whether an echo request is answered; the checksum of this fixed packet is 0xf7fe."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(1)
        try:
            raw.sendto(bytes((8, 0, 0xF7, 0xFE, 0, 0, 0, 1)), (address, 0))
            while raw.recv(1500)[20] != 0:
                pass  # our own request, which comes by on loopback
        except (TimeoutError, PermissionError):
            return False  # a drop of what this machine sends itself is told to the sender
        return True


@pytest.mark.live
def test_outbound_rules_bind_the_machine(ssh: Ssh, machines: DockerMachines) -> None:
    probe = "timeout 3 bash -c '> /dev/tcp/10.77.0.1/1' 2>&1 || true"
    machines.set_firewall(1, [OPEN_SSH])
    assert "refused" in ssh(probe), "without outbound rules the machine reaches what there is"
    machines.set_firewall(1, [OPEN_SSH, FirewallRule("out", "tcp", "443", ("0.0.0.0/0",))])
    assert "refused" not in ssh(probe)
    machines.set_firewall(1, [OPEN_SSH])


def test_the_ruleset_of_a_machine() -> None:
    rules = [
        FirewallRule("in", "tcp", "443", ("173.245.48.0/20", "2400:cb00::/32", "103.21.244.0/22")),
        FirewallRule("in", "udp", "any", ("0.0.0.0/0", "::/0")),
        FirewallRule("in", "icmp", None, ("0.0.0.0/0",)),
        FirewallRule("in", "tcp", "80", ("2400:cb00::/32",)),
    ]
    assert (
        firewall.ruleset("10.77.0.2", "127.77.0.2", rules)
        == """\
table ip jira_plus_plus_10_77_0_2
delete table ip jira_plus_plus_10_77_0_2
table ip jira_plus_plus_10_77_0_2 {
  chain dstnat {
    type nat hook output priority -110;
    ip daddr 127.77.0.2 dnat to 10.77.0.2
  }
  chain srcnat {
    type nat hook postrouting priority 90;
    ip saddr 127.0.0.0/8 ip daddr 10.77.0.2 snat to 10.77.0.1
  }
  chain forged {
    type filter hook prerouting priority -300;
    iifname "jpp-machines" ip daddr 127.0.0.0/8 drop
  }
  chain inbound {
    ct state established,related accept
    tcp dport 443 ip saddr 173.245.48.0/20 accept
    tcp dport 443 ip saddr 103.21.244.0/22 accept
    ip protocol udp accept
    ip protocol icmp accept
    counter drop
  }
  chain from_here {
    type filter hook output priority 0;
    ip daddr 10.77.0.2 jump inbound
  }
  chain from_elsewhere {
    type filter hook forward priority -1;
    ip daddr 10.77.0.2 jump inbound
  }
}
"""
    )


def test_without_a_firewall_nothing_is_filtered() -> None:
    assert "counter drop" not in firewall.ruleset("10.77.0.2", "127.77.0.2", None)
    assert firewall.ruleset("10.77.0.2", "127.77.0.2", []).count("accept") == 1, "established alone"


def test_a_machine_without_a_public_address_has_none_to_forward() -> None:
    assert "nat" not in firewall.ruleset("10.77.1.130", "", [])
