"""A machine at Hetzner: addresses, firewall, volume and server, each with a life of its own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components.clouds import accounts
from components.host.address import Address, AddressArgs
from components.host.cloud_init import user_data
from components.host.firewall import ANYWHERE, Firewall, FirewallArgs
from components.host.keys import Keys, KeysArgs
from components.host.order import order
from components.host.remote import Remote, RemoteArgs
from components.host.scripts import bootstrap_arguments
from components.host.server import Server, ServerArgs
from components.host.volume import MOUNTPOINT, Attachment, AttachmentArgs, Volume, VolumeArgs
from components.settings.host import Host as Settings


@dataclass(frozen=True)
class HetznerArgs:
    """The section `host` of the stack file, and what of the other sections concerns the machine."""

    stack: str
    settings: Settings
    http_sources: Sequence[str]
    registry_auth: Sequence[docker.ProviderRegistryAuthArgs] = ()
    backup_at: str = "02:00"


class Hetzner(pulumi.ComponentResource):
    """The machine; `remote` is what runs on it sees, `server_type` what it is or is to be."""

    def __init__(self, name: str, args: HetznerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Hetzner", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        placed, told = order(settings, args.stack, accounts(os.environ).hetzner)
        for words in told:
            pulumi.log.warn(words, self)
        self.server_type = placed.server_type
        ssh_sources = ANYWHERE if settings.ssh.allow_any_network else settings.ssh.allowed_networks

        keys = Keys(name, KeysArgs(host=True), child)
        assert keys.host is not None
        address = Address(name, AddressArgs(args.stack, settings.location, settings.protected), child)
        firewall = Firewall(name, FirewallArgs(args.stack, args.http_sources, ssh_sources), child)
        volume = Volume(
            name,
            VolumeArgs(
                args.stack,
                settings.location,
                settings.volume.size_gb,
                settings.volume.protected or settings.protected,
            ),
            child,
        )
        first_boot = bootstrap_arguments(
            settings.swap_mb, (), settings.ssh.authorized_keys, backup_at=args.backup_at
        )
        server = Server(
            name,
            ServerArgs(
                stack=args.stack,
                order=placed,
                location=settings.location,
                image=settings.image,
                backups=settings.backups,
                protected=settings.protected,
                address=address,
                firewall=firewall,
                shared_firewalls=settings.ssh.allow_own_address,
                deploy_public_key=keys.deploy.public_key_openssh,
                user_data=pulumi.Output.all(
                    keys.deploy.public_key_openssh,
                    keys.host.private_key_openssh,
                    keys.host.public_key_openssh,
                ).apply(lambda known: user_data(known[0], known[1], known[2], first_boot)),
            ),
            child,
        )
        attachment = Attachment(name, AttachmentArgs(volume.resource, server.resource), child)
        self.remote = Remote(
            name,
            RemoteArgs(
                keys=keys,
                address=address.ipv4,
                port=22,
                host_public_key=keys.host.public_key_openssh,
                swap_mb=settings.swap_mb,
                ssh_users=(),
                authorized_keys=settings.ssh.authorized_keys,
                data_path=MOUNTPOINT,
                ipv4=address.ipv4,
                ipv6=address.ipv6,
                registry_auth=args.registry_auth,
                backup_at=args.backup_at,
                server=server.resource,
                volume=volume,
                attachment=attachment,
            ),
            child,
        )
        self.register_outputs({})
