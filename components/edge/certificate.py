"""The certificate that the server presents to Cloudflare, where the program makes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls

from components.clouds.cloudflare import OriginCaCertificate
from components.settings.tls import Mode

ORIGIN_CA_DAYS = 5475
"""15 years, Cloudflare's default: only Cloudflare trusts it, and nothing would renew a shorter one."""
SELF_SIGNED_HOURS = 365 * 24
RENEW_HOURS = 30 * 24
"""A self-signed certificate is replaced by the first `pulumi up` in its last 30 days."""


@dataclass(frozen=True)
class CertificateArgs:
    """How the certificate comes about, and the names in it."""

    mode: Mode
    host_names: Sequence[str]


class Certificate(pulumi.ComponentResource):
    """Key (secret) and certificate in PEM; None where Traefik gets one by itself, or serves http."""

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("jira-plus-plus:edge:Certificate", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.certificate_pem: pulumi.Output[str] | None = None
        self.private_key_pem: pulumi.Output[str] | None = None
        if args.mode in ("origin-ca", "self-signed"):
            names = sorted(
                args.host_names
            )  # Cloudflare sorts them, and a changed order would be a new certificate
            key = tls.PrivateKey(f"{name}-certificate-key", algorithm="ECDSA", ecdsa_curve="P256", opts=child)
            self.private_key_pem = key.private_key_pem
            if args.mode == "origin-ca":
                self.certificate_pem = self._origin_ca(name, key, names)
            else:
                self.certificate_pem = tls.SelfSignedCert(
                    f"{name}-self-signed-certificate",
                    private_key_pem=key.private_key_pem,
                    subject=tls.SelfSignedCertSubjectArgs(common_name=names[0], organization="Jira++"),
                    dns_names=names,
                    allowed_uses=["digital_signature", "key_encipherment", "server_auth"],
                    validity_period_hours=SELF_SIGNED_HOURS,
                    early_renewal_hours=RENEW_HOURS,
                    opts=child,
                ).cert_pem
        self.register_outputs({})

    def _origin_ca(self, name: str, key: tls.PrivateKey, names: list[str]) -> pulumi.Output[str]:
        request = tls.CertRequest(
            f"{name}-certificate-request",
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(common_name=names[0], organization="Jira++"),
            dns_names=names,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return OriginCaCertificate(
            f"{name}-origin-ca-certificate",
            csr=request.cert_request_pem,
            hostnames=names,
            request_type="origin-ecc",
            requested_validity=ORIGIN_CA_DAYS,
            opts=pulumi.ResourceOptions(parent=self),
        ).certificate
