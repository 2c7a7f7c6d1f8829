"""The names at Cloudflare."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.clouds.cloudflare import DnsRecord
from components.edge.first import first

AUTOMATIC_TTL = 1
"""The only time to live that a proxied record may have."""


def comment(stack: str) -> str:
    """What says of a record that it is this stack's."""
    return f"jira-plus-plus {stack}"


def resource_name(edge: str, purpose: str, record_type: str) -> str:
    """Pulumi's name of a record, e.g. `edge-api-a`."""
    return f"{edge}-{purpose}-{record_type.lower()}"


@dataclass(frozen=True)
class DnsArgs:
    """`host_names`: full names by purpose (api, web, temporal). An address that is None gets no record.

    `ipv6` is None of a server from elsewhere.
    """

    stack: str
    zone_id: str
    host_names: Mapping[str, str]
    ipv4: pulumi.Input[str] | None
    ipv6: pulumi.Input[str] | None


class Dns(pulumi.ComponentResource):
    """An A and an AAAA record a name, proxied: visitors see Cloudflare's addresses, never the server's."""

    def __init__(self, name: str, args: DnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:edge:Dns", name, {}, opts)
        hooks = pulumi.ResourceHookBinding(before_create=[first(name, ordered=args.ipv6 is not None)])
        for purpose, host_name in args.host_names.items():
            for record_type, address in (("A", args.ipv4), ("AAAA", args.ipv6)):
                if address is None:
                    continue
                DnsRecord(
                    resource_name(name, purpose, record_type),
                    zone_id=args.zone_id,
                    record=host_name,
                    kind=record_type,
                    content=address,
                    proxied=True,
                    ttl=AUTOMATIC_TTL,
                    comment=comment(args.stack),
                    opts=pulumi.ResourceOptions(
                        parent=self,
                        delete_before_replace=True,  # Cloudflare refuses a second record of the same content
                        hooks=hooks,
                        # Where `pulumi import` puts one: before the first up there is no component.
                        aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)],
                    ),
                )
        self.register_outputs({})
