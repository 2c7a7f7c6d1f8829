"""What the edge of a stack declares."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components.edge import Edge, EdgeArgs
from components.settings.domain import Domain
from components.settings.tls import Tls
from rehearsal.declared.recording import Recorded, deploy

ZONE_ID = "0123456789abcdef0123456789abcdef"
NAMES = ["api-uat.example.com", "app-uat.example.com", "temporal-uat.example.com"]


def computed(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    match type_:
        case "tls:index/privateKey:PrivateKey":
            return {"privateKeyPem": pulumi.Output.secret("KEY")}
        case "tls:index/certRequest:CertRequest":
            return {"certRequestPem": "REQUEST"}
        case "tls:index/selfSignedCert:SelfSignedCert":
            return {"certPem": "SELF SIGNED"}
        case "cloudflare:index/originCaCertificate:OriginCaCertificate":
            return {"certificate": "ORIGIN CA"}
    return {}


def declare(
    mode: str = "dns-01",
    zone_id: str | None = ZONE_ID,
    ipv6: str | None = "2001:db8::1",
    port: int | None = None,
) -> Recorded:
    zone = "example.com" if zone_id else "localhost"
    domain = Domain.model_validate(
        {"zone": zone, "zone_id": zone_id, "api": "api-uat", "web": "app-uat", "temporal": "temporal-uat"}
    )
    acme = {"acme_email": "ops@example.com"} if mode == "dns-01" else {}
    tls = Tls.model_validate({"mode": mode, **acme})

    def program() -> Any:
        edge = Edge("edge", EdgeArgs("uat", domain, tls, "198.51.100.7", ipv6, port))
        found.append(edge)

    found: list[Edge] = []
    recorded = deploy(program, computed)
    (recorded.result,) = found
    return recorded


def test_each_name_has_a_proxied_a_and_aaaa_record() -> None:
    records = declare().of("cloudflare:index/dnsRecord:DnsRecord")
    assert {(r.inputs["name"], r.inputs["type"], r.inputs["content"]) for r in records} == {
        (name, *record) for name in NAMES for record in (("A", "198.51.100.7"), ("AAAA", "2001:db8::1"))
    }
    for record in records:
        assert record.inputs["proxied"] is True, "unproxied, the record would show the server's address"
        assert record.inputs["ttl"] == 1, "a proxied record takes no other time to live"
        assert record.inputs["zoneId"] == ZONE_ID
        assert record.inputs["comment"] == "jira-plus-plus uat", "a record left behind must be recognised"
        assert record.request.deleteBeforeReplace


def test_a_server_without_ipv6_gets_no_aaaa_record() -> None:
    assert [r.inputs["type"] for r in declare(ipv6=None).of("cloudflare:index/dnsRecord:DnsRecord")] == [
        "A"
    ] * 3


def test_the_zone_is_full_strict_with_tls_1_2() -> None:
    """infrastructure B2: no more than our names need, since all names of the zone live by it."""
    settings = declare().of("cloudflare:index/zoneSetting:ZoneSetting")
    assert {s.inputs["settingId"]: s.inputs["value"] for s in settings} == {
        "ssl": "strict",
        "min_tls_version": "1.2",
    }
    for setting in settings:
        assert setting.request.retainOnDelete, "the end of one stack must not loosen another's zone"


def test_without_a_zone_there_is_no_cloudflare() -> None:
    assert not [t for t in declare("none", zone_id=None).types() if t.startswith("cloudflare:")]


@pytest.mark.parametrize("mode", ["dns-01", "none"])
def test_where_traefik_gets_the_certificate_or_needs_none_the_program_makes_none(mode: str) -> None:
    recorded = declare(mode, zone_id=ZONE_ID if mode == "dns-01" else None)
    assert not [t for t in recorded.types() if t.startswith("tls:")]
    assert recorded.result.certificate.certificate_pem is None
    assert recorded.result.certificate.private_key_pem is None


def test_origin_ca_signs_a_request_for_the_three_names() -> None:
    recorded = declare("origin-ca")
    assert recorded.one("edge-certificate-key").inputs == {"algorithm": "ECDSA", "ecdsaCurve": "P256"}
    request = recorded.one("edge-certificate-request")
    assert request.inputs["dnsNames"] == NAMES
    assert request.inputs["privateKeyPem"] == "KEY"
    assert "privateKeyPem" in request.secrets
    assert recorded.one("edge-origin-ca-certificate").inputs == {
        "csr": "REQUEST",
        "hostnames": NAMES,
        "requestType": "origin-ecc",
        "requestedValidity": 5475,
    }


def test_self_signed_is_renewed_before_it_ends() -> None:
    certificate = declare("self-signed", zone_id=None).one("edge-self-signed-certificate")
    assert certificate.inputs["dnsNames"] == [n.replace("example.com", "localhost") for n in NAMES]
    assert certificate.inputs["validityPeriodHours"] == 365 * 24
    assert certificate.inputs["earlyRenewalHours"] == 30 * 24
    assert certificate.inputs["allowedUses"] == ["digital_signature", "key_encipherment", "server_auth"]


@pytest.mark.parametrize(
    ("mode", "port", "api"),
    [
        ("dns-01", None, "https://api-uat.example.com"),
        ("none", 8080, "http://api-uat.localhost:8080"),
        ("self-signed", 8443, "https://api-uat.localhost:8443"),
    ],
)
def test_urls_are_what_a_person_types(mode: str, port: int | None, api: str) -> None:
    recorded = declare(mode, zone_id=ZONE_ID if mode == "dns-01" else None, port=port)
    assert recorded.result.urls["api"] == api
    assert list(recorded.result.urls) == ["api", "web", "temporal"]
