"""The machines behind the embedded Hetzner's servers: the interface that the cloud calls.

Two implementations: `recorded.RecordedMachines` only notes what it was asked, `docker.DockerMachines` boots
containers with systemd. The cloud calls every method from an action's background thread, one call at a time
per server; an exception fails the action with the exception's text, which a user reads.

Every method is idempotent: a cloud that was killed in the middle of an action repeats the call at its next
start, so creating what exists, deleting what is gone or attaching what is attached must succeed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

PowerState = Literal["running", "off", "missing"]


class MachineError(RuntimeError):
    """A machine could not do what was asked; the text says what failed and what to do about it."""


@dataclass(frozen=True)
class ServerRecord:
    """What a machine is made from.

    `user_data` is secret: implementations hand it to cloud-init and never log it. `memory_mb` and `cpus` are
    those of the server type. `ipv4` is "" for a server without a public IPv4 address.
    """

    id: int
    name: str
    hostname: str
    ipv4: str
    image: str
    memory_mb: int
    cpus: int
    public_keys: tuple[str, ...] = ()
    user_data: str = field(default="", repr=False)


@dataclass(frozen=True)
class FirewallRule:
    """One rule as Hetzner states it: what it lists is let through, everything else inbound is dropped."""

    direction: Literal["in", "out"]
    protocol: Literal["tcp", "udp", "icmp", "esp", "gre"]
    port: str | None
    """`443`, `8000-8100`; None for protocols without ports."""
    networks: tuple[str, ...]
    """CIDR blocks, v4 and v6: sources of an inbound rule, destinations of an outbound one."""


class Machines(Protocol):
    """What the embedded Hetzner needs from whatever plays its servers and volumes."""

    boots: bool
    """True if a server really runs, so that its actions take as long as booting takes."""

    def create(self, server: ServerRecord) -> None:
        """Makes the machine with its disk and seed; it stays off until `start`."""

    def start(self, server_id: int) -> None:
        """Powers the machine on; returns once it is powered, not once cloud-init is done."""

    def stop(self, server_id: int, *, graceful: bool) -> None:
        """Powers the machine off: by a shutdown of its operating system, or by cutting the power."""

    def reboot(self, server_id: int, *, graceful: bool) -> None:
        """Restarts the machine: by its operating system, or by a reset."""

    def rebuild(self, server: ServerRecord, *, keep_user_data: bool) -> None:
        """Replaces the disk by a fresh one from `server.image` and boots; attached volumes stay attached.

        With `keep_user_data` the machine keeps the user_data it was made with, and `server.user_data` is "".
        """

    def resize(self, server: ServerRecord) -> None:
        """Gives the powered-off machine the memory and cpus of another server type."""

    def delete(self, server_id: int) -> None:
        """Removes the machine and its disk; its volumes live on."""

    def create_volume(self, volume_id: int, size_gb: int, filesystem: str | None) -> None:
        """Makes an empty volume; `filesystem` (ext4, xfs) is made on it, None leaves it raw."""

    def attach_volume(self, volume_id: int, server_id: int) -> None:
        """Makes the volume appear as `/dev/disk/by-id/scsi-0HC_Volume_<volume_id>` on the server."""

    def detach_volume(self, volume_id: int, server_id: int) -> None:
        """Takes the device away from the server."""

    def resize_volume(self, volume_id: int, size_gb: int) -> None:
        """Enlarges the device; the filesystem on it is the server's business."""

    def delete_volume(self, volume_id: int) -> None:
        """Destroys the volume's data."""

    def set_firewall(self, server_id: int, rules: Sequence[FirewallRule] | None) -> None:
        """Enforces the union of all firewalls applied to the server.

        None means that no firewall is applied: everything passes. An empty list drops all inbound traffic,
        as an empty firewall does at Hetzner; outbound traffic is restricted only if an outbound rule exists.
        """

    def allocate_ipv4(self) -> str:
        """Reserves a public IPv4 address that no other server, of this cloud or another, has."""

    def release_ipv4(self, address: str) -> None:
        """Gives an address back."""

    def power_state(self, server_id: int) -> PowerState | None:
        """How the machine is now, asked when the cloud starts again; None where nothing really runs."""
