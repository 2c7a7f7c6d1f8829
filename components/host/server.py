"""The Hetzner server."""

from dataclasses import dataclass

import pulumi
import pulumi_hcloud as hcloud

from components.host.address import Address
from components.host.firewall import Firewall
from components.host.labels import labels, prefix
from components.host.order import LABEL, Order
from components.host.power import kept_running
from components.host.release import notice


@dataclass(frozen=True)
class ServerArgs:
    """What the server is, and what it is made with."""

    stack: str
    order: Order
    location: str
    image: str
    backups: bool
    protected: bool
    address: Address
    firewall: Firewall
    shared_firewalls: bool
    """Whether a run puts a firewall of its own on it for a while, which is no change of the program's."""
    deploy_public_key: pulumi.Input[str]
    user_data: pulumi.Input[str]


class Server(pulumi.ComponentResource):
    """The server, and the ssh key that it is registered with (without one Hetzner mails a root password)."""

    def __init__(self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:host:Server", name, {}, opts)
        self.ssh_key = hcloud.SshKey(
            f"{name}-ssh-key",
            name=prefix(args.stack),
            # Without the newline at its end: Hetzner answers without, and the difference would replace all.
            public_key=pulumi.Output.from_input(args.deploy_public_key).apply(str.strip),
            labels=labels(args.stack),
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,  # name and key are unique
            ),
        )
        self.resource = hcloud.Server(
            f"{name}-server",
            name=prefix(args.stack),
            server_type=args.order.server_type,  # changed in place, switched off meanwhile: see `hooks`
            keep_disk=True,  # a disk that grew with the type could never go back to a smaller one
            location=args.location,
            image=args.image,
            backups=args.backups,
            ssh_keys=[self.ssh_key.id],
            user_data=args.user_data,
            firewall_ids=[args.firewall.resource.id.apply(int)],
            public_nets=[
                hcloud.ServerPublicNetArgs(
                    ipv4_enabled=True,
                    ipv4=args.address.primary_ipv4.id.apply(int),
                    ipv6_enabled=True,
                    ipv6=args.address.primary_ipv6.id.apply(int),
                )
            ],
            shutdown_before_deletion=True,  # Postgres stops and the volume is unmounted before it goes
            delete_protection=args.protected,
            rebuild_protection=args.protected,  # Hetzner wants the two equal
            labels={
                **labels(args.stack),
                **({LABEL: args.order.in_place_of} if args.order.in_place_of else {}),
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protected,
                delete_before_replace=True,  # name, addresses and volume can belong to one server at a time
                # They are of the first boot, and a change of one would throw the machine away: a later
                # bootstrap.sh reaches the server over ssh, another image waits for `make replace`, and an
                # ssh key that was deleted at Hetzner is another object once it is made again. Of a server
                # that is replaced nothing is ignored: it gets what the settings say by then.
                # A run's own firewall comes and goes (`operations/access.py`, which watches over ours).
                ignore_changes=[
                    "image",
                    "ssh_keys",
                    "user_data",
                    *(["firewall_ids"] if args.shared_firewalls else []),
                ],
                hooks=kept_running(f"{name}-server"),
            ),
        )

        def tell(running: str) -> None:
            if text := notice(running, args.image, args.stack):
                pulumi.log.warn(text, self)

        self.resource.image.apply(tell)
        self.register_outputs({})
