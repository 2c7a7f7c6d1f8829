"""The cloud as one object: what it keeps, what it runs, what goes wrong."""

from __future__ import annotations

import hashlib
import sys

from rehearsal.cloud.actions import Actions
from rehearsal.cloud.audit import Audit
from rehearsal.cloud.authority import Authority
from rehearsal.cloud.backend import Backend
from rehearsal.cloud.buckets import Buckets
from rehearsal.cloud.store import Store
from rehearsal.cloud.tokens import Tokens
from rehearsal.machines import Machines

# Kinds of objects that someone made and someone must delete again; zones come with the account,
# a bucket of R2's outlives who made it, and a key to it whose state was lost is a person's to end.
MADE = (
    "ssh_key",
    "primary_ip",
    "firewall",
    "server",
    "volume",
    "dns_record",
    "origin_ca_certificate",
    "origin_pull_certificate",
    "origin_pull_host_certificate",
    "origin_pull_host",
    "ruleset",
)


class ModeError(RuntimeError):
    """The state folder holds servers of the other kind of machines."""


class Cloud(Backend):
    """Everything that handlers work on."""

    def __init__(self, store: Store, machines: Machines, action_seconds: float) -> None:
        """Takes up a state folder.

        Args:
            store: the open folder.
            machines: what plays the servers.
            action_seconds: how long an action takes at least.

        Raises:
            FaultError: the folder's `faults.json` cannot be understood.
            ModeError: the folder's servers were recorded and machines boot now, or the other way round.
        """
        super().__init__(store, machines)
        self.audit = Audit(store.folder)
        self.authority = Authority(store.folder)
        self.tokens = Tokens(store)
        self.buckets = Buckets(store.folder / "storage")
        self.actions = Actions(self, action_seconds)
        # A Cloudflare account has an id; ours is the folder's.
        self.account = hashlib.md5(str(store.folder).encode(), usedforsecurity=False).hexdigest()
        self._check_mode()

    def _check_mode(self) -> None:
        mode, before = "run" if self.machines.boots else "record", self.store.meta("docker")
        if before not in (None, mode) and (self.store.all("server") or self.store.all("volume")):
            raise ModeError(
                f"{self.store.folder}: holds servers or volumes made with --docker {before}, not {mode}; "
                f"start with --docker {before}, or destroy them first"
            )
        self.store.set_meta("docker", mode)

    def start(self) -> None:
        """Compares servers with their machines, then goes on with unfinished actions."""
        for server in self.store.all("server"):
            if server["deleting"] or self.actions.locked("server", server["id"]):
                continue
            state = self.machines.power_state(server["id"])
            status = {"running": "running", "off": "off", "missing": "unknown"}.get(
                state or "", server["status"]
            )
            if status != server["status"]:
                print(
                    f"server {server['name']}: was {server['status']}, its machine is {state}",
                    file=sys.stderr,
                )
                self.store.put("server", {**server, "status": status})
        self.actions.resume()

    def stop(self) -> None:
        """Ends; machines that run go on running."""
        self.buckets.stop()
        self.actions.stop()
        self.store.close()

    def counts(self) -> dict[str, int]:
        """How many objects of each kind live; a server that is being deleted still does."""
        return {kind: len(self.store.all(kind)) for kind in MADE}
