"""The machine that the containers run on, whichever kind it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_docker as docker

from components.host.machine import Command, Machine, run
from components.settings.host import Host as Settings

if TYPE_CHECKING:
    import pulumi_hcloud as hcloud


@dataclass(frozen=True)
class HostArgs:
    """The section `host` of the stack file, and what of the others concerns the machine."""

    stack: str
    settings: Settings
    http_sources: Sequence[str] = ()
    """Who may reach ports 80 and 443; networks in CIDR notation. For kind hetzner."""
    private_key: pulumi.Input[str] | None = None
    """For kind existing: what `host.ssh.user` logs in with (OpenSSH, secret). None: the ssh agent."""
    registry_auth: Sequence[docker.ProviderRegistryAuthArgs] = ()
    backup_at: str = "02:00"
    """HH:MM, UTC: after the backup the system may upgrade itself, and restart what runs."""


class Host(pulumi.ComponentResource):
    """The machine, with one face for all kinds: see `components.host.machine.Machine`."""

    def __init__(self, name: str, args: HostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Host", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.settings = args.settings
        """The section, with the server type that is ordered in place of one that is sold out."""
        machine: Machine
        # Each kind is imported where it is used: `local` pays for no cloud's SDK.
        if args.settings.kind == "local":
            from components.host.local import Local, LocalArgs

            machine = Local(name, LocalArgs(args.stack, args.registry_auth), child)
        elif args.settings.kind == "existing":
            from components.host.existing import Existing, ExistingArgs

            existing = ExistingArgs(args.settings, args.private_key, args.registry_auth, args.backup_at)
            machine = Existing(name, existing, child).remote
        else:
            from components.host.hetzner import Hetzner, HetznerArgs

            hetzner = HetznerArgs(
                args.stack, args.settings, args.http_sources, args.registry_auth, args.backup_at
            )
            ordered = Hetzner(name, hetzner, child)
            self.settings = args.settings.model_copy(update={"server_type": ordered.server_type})
            machine = ordered.remote
        self.docker_provider = machine.docker_provider
        self.docker_host = machine.docker_host
        self.ready = machine.ready
        self.connection = machine.connection
        self.server: hcloud.Server | None = machine.server
        self.ipv4 = machine.ipv4
        self.ipv6 = machine.ipv6
        self.ssh = machine.ssh
        self.data_path = machine.data_path
        self.files_root = machine.files_root
        self.journal = machine.journal
        self.sudo = machine.sudo
        self.register_outputs({"docker_host": self.docker_host, "ipv4": self.ipv4, "ipv6": self.ipv6})

    def run(self, name: str, **arguments: Any) -> Command:
        """A shell command on the machine; see `components.host.machine.run`."""
        return run(self, name, **arguments)
