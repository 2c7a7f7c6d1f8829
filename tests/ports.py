"""Ports for the servers that a test starts."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

RANGE = range(10_000, 20_000)
"""None that the kernel gives to whoever connects (32768 and more: net.ipv4.ip_local_port_range): between its
choice here and its server's start such a port is now and then another's."""


def free_ports(count: int) -> list[int]:
    """So many, each another, at which nobody listens now, at no address."""
    found: set[int] = set()
    chosen = random.SystemRandom()
    while len(found) < count:
        with suppress(OSError), socket.create_server(("", chosen.choice(RANGE))) as free:
            found.add(free.getsockname()[1])
    return list(found)
