"""The edge of a stack, composed."""

from dataclasses import dataclass

import pulumi

from components.edge.certificate import Certificate, CertificateArgs
from components.edge.dns import Dns, DnsArgs
from components.edge.urls import urls
from components.edge.zone import Zone, ZoneArgs
from components.settings.domain import Domain
from components.settings.tls import Tls


@dataclass(frozen=True)
class EdgeArgs:
    """The sections `domain` and `tls`; the server's addresses; a port other than the scheme's.

    `zone_settings`: whether the zone's settings are the program's to change.
    """

    stack: str
    domain: Domain
    tls: Tls
    ipv4: pulumi.Input[str] | None = None
    ipv6: pulumi.Input[str] | None = None
    port: int | None = None
    zone_settings: bool = True


class Edge(pulumi.ComponentResource):
    """The names, the zone's settings and the certificate; without `domain.zone_id` there is no Cloudflare.

    `urls` are plain text by purpose (api, web, temporal). `certificate` holds PEM outputs, or None of them.
    """

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:edge:Edge", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.urls = urls(args.domain.host_names, args.tls.mode, args.port)
        self.certificate = Certificate(
            name, CertificateArgs(args.tls.mode, tuple(args.domain.host_names.values())), child
        )
        if args.domain.zone_id is not None:
            if args.zone_settings:
                Zone(name, ZoneArgs(args.domain.zone_id), child)
            Dns(
                name,
                DnsArgs(args.stack, args.domain.zone_id, args.domain.host_names, args.ipv4, args.ipv6),
                child,
            )
        self.register_outputs({"urls": self.urls})
