"""X.509: requests and certificates, with the extensions that the provider sets."""

from __future__ import annotations

import datetime
import ipaddress
from typing import TYPE_CHECKING, Any

from rehearsal.plugins.provider import ProviderError, Values
from rehearsal.plugins.tls import keys

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

_KEY_USES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
_EXTENDED_USES = {
    "any_extended": "2.5.29.37.0",
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "code_signing": "1.3.6.1.5.5.7.3.3",
    "email_protection": "1.3.6.1.5.5.7.3.4",
    "ipsec_end_system": "1.3.6.1.5.5.7.3.5",
    "ipsec_tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec_user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp_signing": "1.3.6.1.5.5.7.3.9",
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
}
USES = frozenset(_KEY_USES) | frozenset(_EXTENDED_USES)
_SUBJECT = {
    "country": "COUNTRY_NAME",
    "organization": "ORGANIZATION_NAME",
    "organizationalUnit": "ORGANIZATIONAL_UNIT_NAME",
    "locality": "LOCALITY_NAME",
    "province": "STATE_OR_PROVINCE_NAME",
    "streetAddresses": "STREET_ADDRESS",
    "postalCode": "POSTAL_CODE",
    "commonName": "COMMON_NAME",
    "serialNumber": "SERIAL_NUMBER",
    "emailAddress": "EMAIL_ADDRESS",
}
"""In the order of Go's `pkix.Name`."""


def request(plan: Values) -> str:
    """A signing request, in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    key = keys.parse(plan["privateKeyPem"])
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(plan.get("subject") or {}))
    names = _names(plan)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, _digest(key)).public_bytes(serialization.Encoding.PEM).decode()


def self_signed(plan: Values) -> Values:
    """A certificate over its own key."""
    from cryptography import x509

    key = keys.parse(plan["privateKeyPem"])
    subject = _name(plan.get("subject") or {})
    state = _sign(plan, subject, subject, key.public_key(), key, _names(plan))
    if not isinstance(state["certificate"], x509.Certificate):
        raise TypeError("no certificate")
    return {**_told(state["certificate"], plan), "keyAlgorithm": keys.algorithm(key)}


def locally_signed(plan: Values) -> Values:
    """A certificate for a request, signed by a local authority."""
    from cryptography import x509

    authority = x509.load_pem_x509_certificate(plan["caCertPem"].encode())
    signing = keys.parse(plan["caPrivateKeyPem"])
    wanted = x509.load_pem_x509_csr(plan["certRequestPem"].encode())
    if not wanted.is_signature_valid:
        raise ProviderError("certRequestPem: the request's signature is not valid")
    names = [
        name
        for extension in wanted.extensions
        if isinstance(extension.value, x509.SubjectAlternativeName)
        for name in extension.value
    ]
    state = _sign(plan, wanted.subject, authority.subject, wanted.public_key(), signing, names, authority)
    return {**_told(state["certificate"], plan), "caKeyAlgorithm": keys.algorithm(signing)}


def renewable(plan: Values, end: str, now: datetime.datetime | None = None) -> bool:
    """Whether a certificate that ends then has come into its early renewal."""
    current = now or datetime.datetime.now(datetime.UTC)
    early = datetime.timedelta(hours=plan.get("earlyRenewalHours") or 0)
    return current >= datetime.datetime.fromisoformat(end) - early


def _sign(
    plan: Values,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: Any,
    signing: keys.Key,
    names: list[x509.GeneralName],
    authority: x509.Certificate | None = None,
) -> dict[str, x509.Certificate]:
    from cryptography import x509

    start = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    end = start + datetime.timedelta(hours=plan["validityPeriodHours"])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension, critical in _extensions(plan, public_key, signing, names, authority):
        builder = builder.add_extension(extension, critical)
    return {"certificate": builder.sign(signing, _digest(signing))}


def _extensions(
    plan: Values,
    public_key: Any,
    signing: keys.Key,
    names: list[x509.GeneralName],
    authority: x509.Certificate | None,
) -> list[tuple[x509.ExtensionType, bool]]:
    from cryptography import x509

    uses = plan["allowedUses"]
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    chosen = {field: use in uses for use, field in _KEY_USES.items()}
    if any(chosen.values()):
        extensions.append((x509.KeyUsage(**chosen), True))
    extended = [x509.ObjectIdentifier(_EXTENDED_USES[use]) for use in uses if use in _EXTENDED_USES]
    if extended:
        extensions.append((x509.ExtendedKeyUsage(extended), False))
    authority_wanted = plan["isCaCertificate"]
    longest = plan["maxPathLength"] if authority_wanted and plan["maxPathLength"] >= 0 else None
    extensions.append((x509.BasicConstraints(ca=authority_wanted, path_length=longest), True))
    if authority_wanted or plan["setSubjectKeyId"]:
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(public_key), False))
    if authority is not None or plan.get("setAuthorityKeyId"):
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False))
    if names:
        extensions.append((x509.SubjectAlternativeName(names), False))
    return extensions


def _told(certificate: x509.Certificate, plan: Values) -> Values:
    from cryptography.hazmat.primitives import serialization

    end = certificate.not_valid_after_utc.isoformat().replace("+00:00", "Z")
    return {
        "id": str(certificate.serial_number),
        "certPem": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "validityStartTime": certificate.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "validityEndTime": end,
        "readyForRenewal": renewable(plan, end),
    }


def _name(subject: Values) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = []
    for name, oid in _SUBJECT.items():
        value = subject.get(name) or []
        lines = value if isinstance(value, list) else [value]
        attributes += [x509.NameAttribute(getattr(NameOID, oid), line) for line in lines]
    return x509.Name(attributes)


def _names(plan: Values) -> list[x509.GeneralName]:
    from cryptography import x509

    return [
        *(x509.DNSName(name) for name in plan.get("dnsNames") or []),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in plan.get("ipAddresses") or []),
        *(x509.UniformResourceIdentifier(uri) for uri in plan.get("uris") or []),
    ]


def _digest(key: keys.Key) -> hashes.SHA256 | None:
    from cryptography.hazmat.primitives import hashes

    return None if keys.algorithm(key) == "ED25519" else hashes.SHA256()
