"""Servers as containers: made, powered, rebuilt and removed."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from rehearsal.images import LABEL, ImageError, builder
from rehearsal.machines import FirewallRule, MachineError, PowerState, ServerRecord
from rehearsal.machines.addresses import AddressBook
from rehearsal.machines.docker import console, firewall, network
from rehearsal.machines.docker.record import Record, Records
from rehearsal.machines.docker.seed import Seed
from rehearsal.machines.docker.volumes import Volumes

IMAGES = {
    "debian-12": "machine_12",
    "debian-13": "machine_13",
    # Not prepared: what the program's bootstrap installs is still to be installed, which takes a minute.
    "debian-12-bare": "bare_12",
    "debian-13-bare": "bare_13",
}
"""By the name that Hetzner's API has for it, the image that boots."""
SEED = "/var/lib/cloud/seed/nocloud"

# What systemd, sshd and a Docker inside need, short of --privileged, which some development machines refuse.
CAPABILITIES = [
    "SYS_ADMIN",  # mounts: of systemd, of volumes, of containers
    "SYS_BOOT",  # reboot from inside
    "NET_ADMIN",
    "NET_RAW",
    "SYS_PTRACE",
    "AUDIT_WRITE",
    "MKNOD",
    "SYS_CHROOT",
    "SETFCAP",
    "SYS_NICE",
    "LINUX_IMMUTABLE",  # chattr +i on mount points
]

# Long enough for a machine whose containers use up their own grace.
SHUTDOWN_SECONDS = 90
CPU_PERIOD = 100_000
# Left to this machine itself when a server type has more memory than there is.
RESERVED_MB = 1024


class DockerMachines:
    """The machines of one cloud; see `rehearsal.machines.Machines` for what each method does.

    In the cloud's state folder: `servers/<id>/` with the machine's record, seed and `console.log`, and
    `volumes/<id>.img`. In Docker: a container and a volume (for the Docker inside) per server.
    """

    boots = True

    def __init__(self, state: Path) -> None:
        """Takes up the machines that the state folder has; those that were powered on are again.

        Raises:
            MachineError: Docker does not answer.
        """
        self._state = state.resolve()
        try:
            self._docker = builder.connect()
        except ImageError as error:
            raise MachineError(str(error)) from None
        self._records = Records(self._state / "servers")
        self._volumes = Volumes(self._state / "volumes")
        self._addresses = AddressBook(self._state)
        for server_id in self._records.ids():
            self._take_up(server_id)

    def create(self, server: ServerRecord) -> None:
        """Makes the container with its disk and seed; a half-made one is made anew."""
        _image(server)
        known = self._records.find(server.id)
        record = Record(server=server) if known is None else known.model_copy(update={"server": server})
        self._seed(server.id).write(server)
        self._records.put(record)
        if self._find(server.id) is None:
            self._make(record)

    def start(self, server_id: int) -> None:
        """Starts the container: systemd boots."""
        record = self._records.get(server_id)
        self._list_volumes(record)
        container = self._get(server_id)
        record.powered = True
        self._records.put(record)
        if container.status != "running":
            with network.kept(self._docker):
                self._power_on(container, server_id)
        self._enforce(record)

    def stop(self, server_id: int, *, graceful: bool) -> None:
        """Asks systemd to halt, or kills it."""
        record = self._records.get(server_id)
        record.powered = False
        self._records.put(record)
        container = self._get(server_id)
        if graceful:
            container.stop(timeout=SHUTDOWN_SECONDS)
        elif container.status == "running":
            # A stop with no grace, not a kill: Docker starts a killed container again.
            container.stop(timeout=0)

    def reboot(self, server_id: int, *, graceful: bool) -> None:
        """Powers off, as asked, and on."""
        self.stop(server_id, graceful=graceful)
        self.start(server_id)

    def rebuild(self, server: ServerRecord, *, keep_user_data: bool) -> None:
        """Removes the container and its disk, and boots a new one with the same address and volumes."""
        _image(server)
        record = self._records.get(server.id).model_copy(update={"server": server})
        self._remove_container(server.id)
        self._seed(server.id).write(server, keep_user_data=keep_user_data)
        self._records.put(record)
        self._make(record)
        self.start(server.id)

    def resize(self, server: ServerRecord) -> None:
        """Changes the container's limits."""
        record = self._records.get(server.id)
        record.server = replace(record.server, memory_mb=server.memory_mb, cpus=server.cpus)
        self._records.put(record)
        self._get(server.id).update(**_limits(record.server))

    def delete(self, server_id: int) -> None:
        """Removes the container, its disk, its firewall and its folder."""
        record = self._records.find(server_id)
        address = self._address(record) if record else ""
        self._remove_container(server_id)
        if address:
            network.nft(firewall.removal(address))
        shutil.rmtree(self._records.folder / str(server_id), ignore_errors=True)
        network.remove_if_unused(self._docker)

    def create_volume(self, volume_id: int, size_gb: int, filesystem: str | None) -> None:
        """Makes the file and its loop device."""
        self._volumes.create(volume_id, size_gb, filesystem)

    def attach_volume(self, volume_id: int, server_id: int) -> None:
        """Makes the device node, at once if the machine runs and at each of its boots."""
        record = self._records.get(server_id)
        record.attach(volume_id)
        self._apply_volumes(record)

    def detach_volume(self, volume_id: int, server_id: int) -> None:
        """Unmounts the volume and removes the device node; a server that is gone has none."""
        record = self._records.find(server_id)
        if record and record.volumes.pop(volume_id, None):
            self._apply_volumes(record)

    def resize_volume(self, volume_id: int, size_gb: int) -> None:
        """Enlarges the loop device."""
        self._volumes.resize(volume_id, size_gb)

    def delete_volume(self, volume_id: int) -> None:
        """Removes the loop device and the file."""
        self._volumes.delete(volume_id)

    def set_firewall(self, server_id: int, rules: Sequence[FirewallRule] | None) -> None:
        """Notes the rules and, once the machine has been started, enforces them."""
        record = self._records.get(server_id)
        record.rules = None if rules is None else list(rules)
        self._records.put(record)
        if self._find(server_id) is not None:
            self._enforce(record)

    def allocate_ipv4(self) -> str:
        """Reserves a loopback address."""
        return self._addresses.allocate()

    def release_ipv4(self, address: str) -> None:
        """Gives it back."""
        self._addresses.release(address)

    def power_state(self, server_id: int) -> PowerState | None:
        """How the container is; one that Docker is just starting again counts as running."""
        container = self._find(server_id)
        if container is None:
            return "missing"
        return "running" if container.status in ("running", "restarting") else "off"

    def console(self, server_id: int) -> Path:
        """Where what the machine prints while it boots is written."""
        return self._records.folder / str(server_id) / "console.log"

    def _take_up(self, server_id: int) -> None:
        record = self._records.get(server_id)
        container = self._find(server_id)
        if container is None or not record.powered:
            return
        if container.status == "running":
            self._enforce(record)
            console.follow(container, self.console(server_id), since=time.time())
        else:
            self.start(server_id)

    def _make(self, record: Record) -> None:
        server = record.server
        try:
            image = builder.require(self._docker, _image(server))
        except ImageError as error:
            raise MachineError(str(error)) from None
        labels = {LABEL: "machine", f"{LABEL}.state": str(self._state), f"{LABEL}.server": str(server.id)}
        name = self._name(server.id)
        disk = self._docker.volumes.create(f"{name}-docker", labels=labels)
        folder = self._records.folder / str(server.id)
        resolv_conf = folder / "resolv.conf"
        resolv_conf.write_text(network.resolver())
        private = network.private_address(server.ipv4) if server.ipv4 else None
        endpoint = self._docker.api.create_endpoint_config(ipv4_address=private)
        try:
            with network.kept(self._docker):
                self._docker.containers.create(
                    image,
                    name=name,
                    hostname=server.hostname,
                    labels=labels,
                    tty=True,  # systemd writes its boot log to a console
                    network=network.NAME,
                    networking_config={network.NAME: endpoint},
                    cap_add=CAPABILITIES,
                    security_opt=["seccomp=unconfined", "apparmor=unconfined"],
                    # Its own tree: the limits of the machine hold for its containers, and they end with it.
                    cgroupns="private",
                    device_cgroup_rules=["b 7:* rwm"],
                    tmpfs={"/run": "exec,mode=755", "/run/lock": "mode=1777", "/tmp": "exec,mode=1777"},  # noqa: S108
                    volumes={
                        str(self._seed(server.id).folder): {"bind": SEED, "mode": "ro"},
                        str(resolv_conf): {"bind": "/etc/resolv.conf", "mode": "ro"},
                        # Images and containers need a filesystem that overlay works on.
                        disk.name: {"bind": "/var/lib/docker", "mode": "rw"},
                    },
                    # `reboot` inside the machine ends its first process with an error: Docker boots it again.
                    restart_policy={"Name": "on-failure"},
                    **_limits(server),
                )
        except APIError as error:
            raise MachineError(
                f"Docker made no machine for server {server.name}: {error.explanation}"
            ) from None

    def _power_on(self, container: Container, server_id: int) -> None:
        since = time.time()
        try:
            container.start()
        except APIError as error:
            raise MachineError(f"server {server_id} did not start: {error.explanation}") from None
        console.follow(container, self.console(server_id), since=since)

    def _apply_volumes(self, record: Record) -> None:
        self._list_volumes(record)
        self._records.put(record)
        container = self._find(record.server.id)
        if container is not None and container.status == "running":
            code, output = container.exec_run(["/usr/local/lib/rehearsal/devices.sh"])
            if code:
                raise MachineError(
                    f"server {record.server.id} took no notice of its volumes: {output.decode()}"
                )

    def _list_volumes(self, record: Record) -> None:
        self._seed(record.server.id).list_volumes(
            {volume_id: (name, self._volumes.device(volume_id)) for volume_id, name in record.volumes.items()}
        )

    def _enforce(self, record: Record) -> None:
        address = self._address(record)
        if address:
            network.nft(firewall.ruleset(address, record.server.ipv4, record.rules))

    def _address(self, record: Record) -> str:
        """Where the machine is on the network; "" for one without a public address that was never started."""
        if record.server.ipv4:
            return network.private_address(record.server.ipv4)
        container = self._find(record.server.id)
        if container is None:
            return ""
        address: str = container.attrs["NetworkSettings"]["Networks"][network.NAME]["IPAddress"]
        return address

    def _remove_container(self, server_id: int) -> None:
        container = self._find(server_id)
        if container is not None:
            container.remove(force=True, v=True)
        try:
            self._docker.volumes.get(f"{self._name(server_id)}-docker").remove(force=True)
        except NotFound:
            pass
        except APIError as error:
            raise MachineError(f"the disk of server {server_id} stays: {error.explanation}") from None

    def _seed(self, server_id: int) -> Seed:
        return Seed(self._records.folder / str(server_id) / "seed")

    def _name(self, server_id: int) -> str:
        # Two clouds on one Docker may both have a server of that number.
        cloud = hashlib.sha256(str(self._state).encode()).hexdigest()[:8]
        return f"{LABEL}-{cloud}-server-{server_id}"

    def _find(self, server_id: int) -> Container | None:
        try:
            return self._docker.containers.get(self._name(server_id))
        except NotFound:
            return None

    def _get(self, server_id: int) -> Container:
        container = self._find(server_id)
        if container is None:
            raise MachineError(
                f"the container {self._name(server_id)} of server {server_id} is gone; rebuild the server"
            )
        return container


def _image(server: ServerRecord) -> str:
    if server.image not in IMAGES:
        raise MachineError(
            f"image {server.image}: in a rehearsal only {', '.join(IMAGES)} boot; set host.image to one"
        )
    return IMAGES[server.image]


def _limits(server: ServerRecord) -> dict[str, Any]:
    here_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
    memory = f"{min(server.memory_mb, here_mb - RESERVED_MB)}m"
    cpus = min(server.cpus, os.cpu_count() or 1)
    # No swap beyond the memory: the machine's out-of-memory is to come where the server type's would.
    return {
        "mem_limit": memory,
        "memswap_limit": memory,
        "cpu_period": CPU_PERIOD,
        "cpu_quota": cpus * CPU_PERIOD,
    }
