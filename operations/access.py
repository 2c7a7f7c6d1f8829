"""Whether a run reaches the server by ssh, and the way in for the time of the run.

A hosted runner has another address each time, which no list of networks can hold: with
`host.ssh.allow_own_address` a run opens port 22 for its own address, and for no other.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import requests
from hcloud import Client, HCloudException
from hcloud.firewalls import BoundFirewall
from hcloud.servers import BoundServer

from operations.orphans.hetzner import hetzner, passing, steadily
from operations.own_address import AddressUnknown, own_address
from operations.run_firewall import open_port, put_back, servers, take_away, take_away_left

PROBE_SECONDS = 3.0

Say = Callable[[str], None]
Settings = Mapping[str, Any]
"""The section `host` of a stack file of kind hetzner."""


class NoWayIn(Exception):
    """The server cannot be reached from here by ssh; the message names our address and the setting."""


@contextmanager
def way_in(
    stack: str,
    host: Settings,
    environment: Mapping[str, str],
    *,
    first: bool,
    answers: Callable[[str], bool],
    say: Say = print,
) -> Iterator[None]:
    """Within, ssh reaches the stack's server as far as the settings let it; what was opened is closed after.

    `first` says whether the run may make the server; any other dials only where there is one. `answers`
    knocks at an address. Nothing is opened where one of the networks has our address already.

    Raises:
        NoWayIn: the settings do not let this machine in, our address is not to be had, or Hetzner refuses.
    """
    ssh = host.get("ssh") or {}
    if ssh.get("allow_any_network"):
        yield
        return
    client = hetzner(environment)
    if not ssh.get("allow_own_address"):
        # Where nobody answers it is tried all the same, and the provider tells.
        with suppress(HCloudException, requests.RequestException, AddressUnknown):
            _require_let_in(stack, ssh, servers(client, stack), environment, first, answers)
        yield
        return
    firewall = None
    try:
        firewall = _opened(client, stack, ssh, environment, first, say)
    except AddressUnknown as error:
        raise NoWayIn(str(error)) from None
    except (HCloudException, requests.RequestException) as error:
        if not passing(error):
            raise NoWayIn(
                f"port 22 could not be opened for this run (host.ssh.allow_own_address): {error}. That "
                "needs an HCLOUD_TOKEN that may write, and less than 5 firewalls on the server"
            ) from None
        say(f"Hetzner does not answer ({error}): port 22 stays as it is")
    try:
        yield
    finally:
        if firewall is not None:
            _close(firewall, stack, say)


def _close(firewall: BoundFirewall, stack: str, say: Say) -> None:
    """What the run has come to does not depend on it: the next one closes what this one could not."""
    try:
        take_away(firewall, stack)
    except (HCloudException, requests.RequestException) as error:
        say(f"port 22 is still open to this run's address: the next run takes {firewall.name} away ({error})")


def _opened(
    client: Client,
    stack: str,
    ssh: Mapping[str, Any],
    environment: Mapping[str, str],
    first: bool,
    say: Say,
) -> BoundFirewall | None:
    steadily(lambda: take_away_left(client, stack, environment, say))
    there: list[BoundServer] = steadily(lambda: servers(client, stack))
    steadily(lambda: put_back(client, stack, there, say))
    if not (first or there):
        return None
    address = own_address(environment)
    if _let_in(address, ssh):
        return None
    say(f"port 22 is open to {address} for the time of this run")
    return open_port(client, stack, address)


def _require_let_in(
    stack: str,
    ssh: Mapping[str, Any],
    there: Sequence[BoundServer],
    environment: Mapping[str, str],
    first: bool,
    answers: Callable[[str], bool],
) -> None:
    """Refuses a run whose first connection would be dropped, which takes the provider minutes to find out."""
    addresses = [
        server.public_net.ipv4.ip for server in there if server.public_net and server.public_net.ipv4
    ]
    if not (first or addresses) or (addresses and answers(addresses[0])):
        return
    address = own_address(environment)
    if not _let_in(address, ssh):
        networks = ", ".join(ssh.get("allowed_networks") or [])
        raise NoWayIn(
            f"port 22 of the server is open to host.ssh.allowed_networks ({networks}), and this machine "
            f"comes from {address}. Nothing was changed. Set host.ssh.allow_own_address: true in "
            f"Pulumi.{stack}.yaml, which opens it to that address for the time of a run, or add {address}/32 "
            "to the networks"
        )


def knock(address: str) -> bool:
    """Whether port 22 answers, if only with a refusal, as it does while a server boots."""
    for _ in range(2):
        try:
            socket.create_connection((address, 22), PROBE_SECONDS).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            continue
        return True
    return False


def _let_in(address: str, ssh: Mapping[str, Any]) -> bool:
    return bool(ssh.get("allow_any_network")) or any(
        ipaddress.ip_address(address) in ipaddress.ip_network(network)
        for network in ssh.get("allowed_networks") or []
    )
