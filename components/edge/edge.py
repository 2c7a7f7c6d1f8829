"""The edge of a stack, composed."""

from dataclasses import dataclass

import pulumi

from components.edge.certificate import Certificate, CertificateArgs
from components.edge.urls import urls
from components.settings.domain import Domain
from components.settings.tls import Tls


@dataclass(frozen=True)
class EdgeArgs:
    """The sections `domain` and `tls`; the server's addresses; a port other than the scheme's."""

    stack: str
    domain: Domain
    tls: Tls
    ipv4: pulumi.Input[str] | None = None
    ipv6: pulumi.Input[str] | None = None
    port: int | None = None


class Edge(pulumi.ComponentResource):
    """The names, the zone's settings and the certificate; without `domain.zone_id` there is no Cloudflare.

    `urls` are plain text by purpose (api, web, temporal). `certificate` holds PEM outputs, or None of them.
    The certificate is made at once, for Traefik; the rest by `publish`, which imports Cloudflare's SDK.
    """

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:edge:Edge", name, {}, opts)
        self._name = name
        self._args = args
        host_names = args.domain.host_names
        self.urls = urls(host_names, args.tls.mode, args.port)
        self.certificate = Certificate(
            name,
            CertificateArgs(args.tls.mode, tuple(host_names.values())),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"urls": self.urls})

    def publish(self) -> None:
        """Declares the DNS records and the zone's settings. Called last: the import takes seconds."""
        args = self._args
        if args.domain.zone_id is None:
            return
        from components.edge.dns import Dns, DnsArgs
        from components.edge.zone import Zone, ZoneArgs

        child = pulumi.ResourceOptions(parent=self)
        Zone(self._name, ZoneArgs(args.domain.zone_id), child)
        Dns(
            self._name,
            DnsArgs(args.stack, args.domain.zone_id, args.domain.host_names, args.ipv4, args.ipv6),
            child,
        )
