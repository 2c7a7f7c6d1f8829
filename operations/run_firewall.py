"""The firewall at Hetzner that a run brings for itself: it lets one address in at port 22, and goes with it.

It is put on whatever has the stack's labels, a server that is yet to be made included. A run that is killed
leaves it; the next finds it by its labels, which say whose it is, and takes it away.
"""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hcloud import Client
from hcloud.firewalls import BoundFirewall, FirewallResource, FirewallResourceLabelSelector, FirewallRule
from hcloud.servers import BoundServer

from operations import github
from operations.engines import here
from operations.orphans.hetzner import patiently, steadily

LONGEST = timedelta(hours=3)
"""No run lasts longer: the workflows end theirs after one."""
PURPOSE = "run-access"

Say = Callable[[str], None]


def open_port(client: Client, stack: str, address: str) -> BoundFirewall:
    """Lets `address` in at port 22 of the stack's servers, and waits until that is so."""
    holder = {"purpose": PURPOSE, "machine": _machine(), "process": _process(os.getpid())}
    if github.MACHINE.fullmatch(socket.gethostname()):
        holder["run"] = socket.gethostname()
    rule = FirewallRule("in", "tcp", [f"{address}/32"], port="22", description="ssh for the time of a run")
    name = f"{_name(stack)}-run-{uuid.uuid4().hex[:8]}"

    def make() -> BoundFirewall:
        # The answer to a request that has taken effect may have been lost.
        if (there := client.firewalls.get_by_name(name)) is not None:
            return there
        made = client.firewalls.create(
            name=name,
            rules=[rule],
            labels=_labels(stack) | holder,  # type: ignore[arg-type]
            resources=[_servers(stack)],
        )
        for action in made.actions or []:
            action.wait_until_finished()
        return made.firewall

    made: BoundFirewall = steadily(make)
    return made


def take_away(firewall: BoundFirewall, stack: str) -> None:
    """Closes the port again."""

    def remove() -> None:
        for action in firewall.remove_from_resources([_servers(stack)]):
            action.wait_until_finished()
        firewall.delete()

    steadily(lambda: patiently(remove, pause_seconds=1.0))


def take_away_left(client: Client, stack: str, environment: Mapping[str, str], say: Say) -> None:
    """Takes away those of runs that are gone; `environment` may ask GitHub which are."""
    for firewall in client.firewalls.get_all(label_selector=_selector(_labels(stack) | {"purpose": PURPOSE})):
        if _is_left(firewall, environment):
            take_away(firewall, stack)
            say(f"took away {firewall.name}, with which a run that is gone had opened port 22")


def servers(client: Client, stack: str) -> list[BoundServer]:
    """The servers of the stack, by their labels."""
    return client.servers.get_all(label_selector=_selector(_labels(stack)))


def put_back(client: Client, stack: str, there: Iterable[BoundServer], say: Say) -> None:
    """Puts the program's firewall onto a server that it was taken off, and tells of any that is foreign.

    The program leaves this to the runs that bring theirs: it could not tell one of these from a foreign one.
    """
    program = client.firewalls.get_by_name(_name(stack))
    for server in there:
        on_it = [found.firewall for found in (server.public_net and server.public_net.firewalls) or []]
        if program is not None and program.id not in [firewall.id for firewall in on_it]:
            for action in program.apply_to_resources([FirewallResource("server", server=server)]):
                action.wait_until_finished()
            say(f"the firewall {program.name} was not on the server {server.name} any more; it is again")
        for known in on_it:
            found = client.firewalls.get_by_id(int(known.id or 0))
            if found.name != _name(stack) and (found.labels or {}).get("purpose") != PURPOSE:
                say(f"WARNING: server {server.name} has a firewall {found.name}, which is not the program's")


def _is_left(firewall: BoundFirewall, environment: Mapping[str, str]) -> bool:
    labels = firewall.labels or {}
    if firewall.created is None or datetime.now(UTC) - firewall.created > LONGEST:
        return True
    if labels.get("machine") == _machine():
        process = labels.get("process", "")
        return process != _process(int(process.partition("-")[0] or 0))
    with suppress(github.Unanswered):
        return github.is_over(labels.get("run", ""), environment)
    return False


# As `components/host/labels.py` has them.
def _name(stack: str) -> str:
    return f"jira-plus-plus-{stack}"


def _labels(stack: str) -> dict[str, str]:
    return {"managed-by": "jira-plus-plus", "stack": stack}


def _servers(stack: str) -> FirewallResource:
    return FirewallResource(
        FirewallResource.TYPE_LABEL_SELECTOR,
        label_selector=FirewallResourceLabelSelector(selector=_selector(_labels(stack))),
    )


def _selector(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in labels.items())


def _machine() -> str:
    return hashlib.sha256(here().encode()).hexdigest()[:16]


def _process(pid: int) -> str:
    """The id and, where the kernel tells, the start of a process, as its number is given again."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        started = "gone" if Path("/proc/self").exists() else ""
    return f"{pid}-{started}"
