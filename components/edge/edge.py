"""The edge of a stack, composed."""

from dataclasses import dataclass
from functools import cached_property

import pulumi

from components.edge.certificate import Certificate, CertificateArgs
from components.edge.urls import urls
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
    What needs Cloudflare's SDK is declared late: the certificate for Traefik, the rest by `publish`.
    """

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:edge:Edge", name, {}, opts)
        self._name = name
        self._args = args
        self.urls = urls(args.domain.host_names, args.tls.mode, args.port)
        self.register_outputs({"urls": self.urls})

    @cached_property
    def certificate(self) -> Certificate:
        """Declared when it is first asked for: with an origin CA the import takes seconds."""
        args = self._args
        return Certificate(
            self._name,
            CertificateArgs(args.tls.mode, tuple(args.domain.host_names.values())),
            pulumi.ResourceOptions(parent=self),
        )

    def publish(self) -> None:
        """Declares the DNS records and the zone's settings. Called last: the import takes seconds."""
        args = self._args
        if args.domain.zone_id is None:
            return
        from components.edge.dns import Dns, DnsArgs
        from components.edge.zone import Zone, ZoneArgs

        child = pulumi.ResourceOptions(parent=self)
        if args.zone_settings:
            Zone(self._name, ZoneArgs(args.domain.zone_id), child)
        Dns(
            self._name,
            DnsArgs(args.stack, args.domain.zone_id, args.domain.host_names, args.ipv4, args.ipv6),
            child,
        )
