"""Cloudflare's resources, as its provider's schema names them.

Its SDK is 12 MB of Python in two modules, which the import of any of its classes executes: more than all else
that this program imports. What such a class adds to Pulumi's own is here, for the few that are used.
`tests/components/clouds/test_cloudflare.py` holds them against the SDK, which stays required: by it Pulumi
knows which plugin to install.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pulumi

PACKAGE = "pulumi_cloudflare"


class _Resource(pulumi.CustomResource):
    """`computed` are outputs that are asked for and no inputs; the state encrypts those of `secret`."""

    def __init__(
        self,
        token: str,
        name: str,
        inputs: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
        *,
        computed: Sequence[str] = (),
        secret: Sequence[str] = (),
    ) -> None:
        of_the_provider = pulumi.ResourceOptions(
            version=version(PACKAGE), additional_secret_outputs=list(secret) or None
        )
        super().__init__(
            f"cloudflare:index/{token}",
            name,
            {**inputs, **dict.fromkeys(computed)},
            pulumi.ResourceOptions.merge(of_the_provider, opts),
        )


class DnsRecord(_Resource):
    """A record of a zone; a proxied one has Cloudflare's addresses for the world."""

    def __init__(
        self,
        name: str,
        *,
        zone_id: str,
        record: str,
        kind: str,
        content: pulumi.Input[str],
        proxied: bool,
        ttl: int,
        comment: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "zoneId": zone_id,
            "name": record,
            "type": kind,
            "content": content,
            "proxied": proxied,
            "ttl": ttl,
            "comment": comment,
        }
        super().__init__("dnsRecord:DnsRecord", name, inputs, opts)


class ZoneSetting(_Resource):
    """One setting of a zone."""

    def __init__(
        self,
        name: str,
        *,
        zone_id: str,
        setting_id: str,
        value: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"zoneId": zone_id, "settingId": setting_id, "value": value}
        super().__init__("zoneSetting:ZoneSetting", name, inputs, opts)


class OriginCaCertificate(_Resource):
    """A certificate that Cloudflare alone trusts; `certificate` is PEM."""

    certificate: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        csr: pulumi.Input[str],
        hostnames: Sequence[str],
        request_type: str,
        requested_validity: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "csr": csr,
            "hostnames": list(hostnames),
            "requestType": request_type,
            "requestedValidity": requested_validity,
        }
        super().__init__(
            "originCaCertificate:OriginCaCertificate", name, inputs, opts, computed=["certificate"]
        )


class R2Bucket(_Resource):
    """A bucket of an account."""

    def __init__(
        self,
        name: str,
        *,
        account_id: str,
        bucket: str,
        jurisdiction: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"accountId": account_id, "name": bucket, "jurisdiction": jurisdiction}
        super().__init__("r2Bucket:R2Bucket", name, inputs, opts)


class AccountToken(_Resource):
    """A token of an account, for `resources` (JSON) with one permission group; `value` is secret."""

    value: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        account_id: str,
        title: str,
        permission: str,
        resources: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        policy = {"effect": "allow", "permissionGroups": [{"id": permission}], "resources": resources}
        inputs = {"accountId": account_id, "name": title, "policies": [policy]}
        super().__init__(
            "accountToken:AccountToken", name, inputs, opts, computed=["value"], secret=["value"]
        )
