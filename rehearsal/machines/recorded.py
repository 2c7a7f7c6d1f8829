"""Machines that are only recorded: what a rehearsal does where Docker is not to be had."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rehearsal.machines import FirewallRule, MachineError, PowerState, ServerRecord
from rehearsal.plugins.docker.records import drop_host

# RFC 5737 reserves 203.0.113.0/24 for documentation: nothing answers there, so nobody mistakes a recorded
# server for one that can be reached.
NETWORK = "203.0.113."


class RecordedMachines:
    """Writes each call as one line of `machines.jsonl` in the cloud's state folder; nothing runs.

    user_data is never written, only its size.
    """

    boots = False

    def __init__(self, state: Path) -> None:
        """`state` is the cloud's state folder, which exists; recorded containers are beside it."""
        self._rehearsal = state.parent
        self._addresses: dict[int, str] = {}
        self._journal = state / "machines.jsonl"
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        for line in self._journal.read_text().splitlines() if self._journal.exists() else ():
            entry = json.loads(line)
            if entry["call"] == "create":
                self._addresses[entry["server"]["id"]] = entry["server"]["ipv4"]
            elif entry["call"] == "allocate_ipv4":
                self._taken.add(entry["address"])
            elif entry["call"] == "release_ipv4":
                self._taken.discard(entry["address"])

    def create(self, server: ServerRecord) -> None:
        """Records the server: a machine without any container, whatever had its address before."""
        self._addresses[server.id] = server.ipv4
        self._forget_containers(server.id)
        self._write("create", server=_public(server))

    def start(self, server_id: int) -> None:
        """Records a power-on."""
        self._write("start", server=server_id)

    def stop(self, server_id: int, *, graceful: bool) -> None:
        """Records a power-off."""
        self._write("stop", server=server_id, graceful=graceful)

    def reboot(self, server_id: int, *, graceful: bool) -> None:
        """Records a restart."""
        self._write("reboot", server=server_id, graceful=graceful)

    def rebuild(self, server: ServerRecord, *, keep_user_data: bool) -> None:
        """Records a rebuild, which takes the containers."""
        self._forget_containers(server.id)
        self._write("rebuild", server=_public(server), keep_user_data=keep_user_data)

    def resize(self, server: ServerRecord) -> None:
        """Records another server type."""
        self._write("resize", server=_public(server))

    def delete(self, server_id: int) -> None:
        """Records the end of a server and of its containers."""
        self._forget_containers(server_id)
        self._write("delete", server=server_id)

    def create_volume(self, volume_id: int, size_gb: int, filesystem: str | None) -> None:
        """Records a volume."""
        self._write("create_volume", volume=volume_id, size_gb=size_gb, filesystem=filesystem)

    def attach_volume(self, volume_id: int, server_id: int) -> None:
        """Records an attachment."""
        self._write("attach_volume", volume=volume_id, server=server_id)

    def detach_volume(self, volume_id: int, server_id: int) -> None:
        """Records a detachment."""
        self._write("detach_volume", volume=volume_id, server=server_id)

    def resize_volume(self, volume_id: int, size_gb: int) -> None:
        """Records a larger volume."""
        self._write("resize_volume", volume=volume_id, size_gb=size_gb)

    def delete_volume(self, volume_id: int) -> None:
        """Records the end of a volume."""
        self._write("delete_volume", volume=volume_id)

    def set_firewall(self, server_id: int, rules: Sequence[FirewallRule] | None) -> None:
        """Records the rules that a booted machine would enforce."""
        self._write(
            "set_firewall",
            server=server_id,
            rules=None if rules is None else [asdict(rule) for rule in rules],
        )

    def allocate_ipv4(self) -> str:
        """Hands out documentation addresses that are unique within this state folder.

        Raises:
            MachineError: all are taken.
        """
        with self._lock:
            for host in range(1, 255):
                address = f"{NETWORK}{host}"
                if address not in self._taken:
                    self._taken.add(address)
                    break
            else:
                raise MachineError(f"all 254 addresses of {NETWORK}0/24 are taken; delete a primary IP first")
        self._write("allocate_ipv4", address=address)
        return address

    def release_ipv4(self, address: str) -> None:
        """Gives an address back."""
        self._write("release_ipv4", address=address)
        with self._lock:
            self._taken.discard(address)

    def _forget_containers(self, server_id: int) -> None:
        address = self._addresses.get(server_id)
        if address:
            drop_host(self._rehearsal, address)

    def power_state(self, server_id: int) -> PowerState | None:  # noqa: ARG002 - the protocol's argument
        """Nothing runs, so the cloud's own record stands."""
        return None

    def _write(self, call: str, **what: Any) -> None:
        with self._lock, self._journal.open("a") as journal:
            journal.write(json.dumps({"call": call, **what}) + "\n")


def _public(server: ServerRecord) -> dict[str, Any]:
    record = asdict(server)
    record["user_data_bytes"] = len(record.pop("user_data").encode())
    return record
