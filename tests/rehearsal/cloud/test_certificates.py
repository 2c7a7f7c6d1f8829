"""Origin CA certificates and the certificates of authenticated origin pulls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.rehearsal.cloud.harness import ZONE, ZONE_ID, Embedded

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])


def csr(key: Key) -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(NAME).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def order(**change: Any) -> dict[str, Any]:
    return {
        "csr": csr(ec.generate_private_key(ec.SECP256R1())),
        "hostnames": [ZONE, f"*.{ZONE}"],
        "request_type": "origin-ecc",
        "requested_validity": 90,
        **change,
    }


def test_a_request_is_signed_by_the_authority_of_the_folder(cloud: Embedded) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    body = order(csr=csr(key), request_type="origin-rsa")
    made = cloud.good("POST", "/cf/certificates", body)["result"]
    certificate = x509.load_pem_x509_certificate(made["certificate"].encode())
    assert certificate.public_key() == key.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [ZONE, f"*.{ZONE}"]
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)
    authority = x509.load_pem_x509_certificate((cloud.folder / "origin-ca.pem").read_bytes())
    certificate.verify_directly_issued_by(authority)
    assert (cloud.folder / "origin-ca-key.pem").stat().st_mode & 0o777 == 0o600
    assert made["expires_on"] == certificate.not_valid_after_utc.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    assert cloud.good("GET", f"/cf/certificates/{made['id']}")["result"] == made
    assert cloud.good("GET", f"/cf/certificates?zone_id={ZONE_ID}")["result"] == [made]
    revoked = cloud.good("DELETE", f"/cf/certificates/{made['id']}")["result"]
    assert revoked["id"] == made["id"]
    assert cloud.ask("GET", f"/cf/certificates/{made['id']}").status == 404
    assert cloud.state()["empty"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hostnames": []}, 1003),
        ({"hostnames": ["elsewhere.org"]}, 1010),
        ({"hostnames": [f"evil{ZONE}"]}, 1010),
        ({"request_type": "origin-dsa"}, 1004),
        ({"request_type": "origin-rsa"}, 1005),
        ({"requested_validity": 100}, 1006),
        ({"csr": "-----BEGIN CERTIFICATE REQUEST-----\nx\n-----END CERTIFICATE REQUEST-----"}, 1001),
        ({"csr": None}, 1001),
    ],
)
def test_an_order_that_does_not_pass_is_refused(cloud: Embedded, change: dict[str, Any], code: int) -> None:
    answer = cloud.ask("POST", "/cf/certificates", order(**change))
    assert (answer.status, answer.code) == (400, code), answer.body
    assert cloud.state()["empty"]


def pair() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    moment = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment)
        .not_valid_after(moment + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return {
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "private_key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    }


@pytest.mark.parametrize(
    "path", ["/origin_tls_client_auth", "/origin_tls_client_auth/hostnames/certificates"]
)
def test_a_pull_certificate_is_uploaded_without_its_key_ever_coming_back(cloud: Embedded, path: str) -> None:
    body = pair()
    made = cloud.zone("POST", path, body).body["result"]
    assert made["certificate"] == body["certificate"]
    assert (made["issuer"], made["status"], made["signature"]) == ("CN=test", "active", "ecdsa-with-SHA256")
    assert "private_key" not in made
    assert cloud.zone("GET", f"{path}/{made['id']}").body["result"] == made
    assert cloud.zone("GET", path).body["result"] == [made]
    secret = body["private_key"].splitlines()[1].encode()
    for file in cloud.folder.rglob("*"):
        assert not file.is_file() or secret not in file.read_bytes(), f"{file} holds the private key"
    assert cloud.zone("POST", path, body).code == 1403
    assert cloud.zone("POST", path, {**body, "private_key": pair()["private_key"]}).code == 1408
    assert cloud.zone("POST", path, {"certificate": "x", "private_key": "y"}).code == 1406
    assert cloud.zone("DELETE", f"{path}/{made['id']}").status == 200
    assert cloud.zone("GET", f"{path}/{made['id']}").status == 404
    assert cloud.state()["empty"]


def test_pulls_are_switched_on_for_the_zone(cloud: Embedded) -> None:
    path = "/origin_tls_client_auth/settings"
    assert cloud.zone("GET", path).body["result"] == {"enabled": False}
    assert cloud.zone("PUT", path, {"enabled": True}).body["result"] == {"enabled": True}
    assert cloud.zone("GET", path).body["result"] == {"enabled": True}
    assert cloud.zone("PUT", path, {"enabled": "yes"}).code == 1400


def test_a_host_is_associated_with_a_certificate(cloud: Embedded) -> None:
    base = "/origin_tls_client_auth/hostnames"
    certificate = cloud.zone("POST", f"{base}/certificates", pair()).body["result"]["id"]
    host = f"api.{ZONE}"

    def put(**entry: Any) -> Any:
        return cloud.zone("PUT", base, {"config": [{"hostname": host, **entry}]})

    made = put(cert_id=certificate, enabled=True)
    assert made.body["result"][0]["cert_id"] == certificate
    assert cloud.zone("GET", f"{base}/{host}").body["result"]["enabled"] is True
    assert cloud.zone("DELETE", f"{base}/certificates/{certificate}").code == 1404, "a host still uses it"
    assert put(cert_id="0" * 32, enabled=True).code == 1405
    outside = {"hostname": "a.elsewhere.org", "cert_id": certificate, "enabled": True}
    assert cloud.zone("PUT", base, {"config": [outside]}).code == 1402
    assert put(cert_id=certificate, enabled=None).status == 200
    assert cloud.zone("GET", f"{base}/{host}").status == 404
    assert cloud.zone("DELETE", f"{base}/certificates/{certificate}").status == 200
    assert cloud.state()["empty"]
