"""The stand-in for tls: what it makes is read by other tools."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.plugins import marshal
from rehearsal.plugins.marshal import Secret
from tests.rehearsal.plugins.driver import Driver, Program, started

KEY = "tls:index/privateKey:PrivateKey"
CERTIFICATE = "tls:index/selfSignedCert:SelfSignedCert"
REQUEST = "tls:index/certRequest:CertRequest"
SIGNED = "tls:index/locallySignedCert:LocallySignedCert"


@pytest.fixture
def driver() -> Iterator[Driver]:
    with started([sys.executable, "-m", "rehearsal.plugins", "tls"], {}) as one:
        assert one.configure("tls") == []
        yield one


def made(driver: Driver, token: str, **inputs: Any) -> dict[str, Any]:
    driver.state.pop("x", None)
    [entry] = [entry for entry in driver.apply({"x": (token, inputs)}) if entry["name"] == "x"]
    outputs: dict[str, Any] = entry["outputs"]
    return outputs


def run(*command: str, given: str = "") -> str:
    return subprocess.run(command, input=given, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("algorithm", "more", "begins"),
    [
        ("ED25519", {}, "-----BEGIN PRIVATE KEY-----"),
        ("RSA", {"rsaBits": 2048}, "-----BEGIN RSA PRIVATE KEY-----"),
        ("ECDSA", {"ecdsaCurve": "P256"}, "-----BEGIN EC PRIVATE KEY-----"),
    ],
)
def test_a_key_in_all_its_forms(
    driver: Driver, tmp_path: Path, algorithm: str, more: dict[str, Any], begins: str
) -> None:
    key = made(driver, KEY, algorithm=algorithm, **more)
    assert key["privateKeyPem"].startswith(begins)
    private = tmp_path / "key"
    private.write_text(key["privateKeyOpenssh"])
    private.chmod(0o600)
    assert run("ssh-keygen", "-y", "-f", str(private)).split()[:2] == key["publicKeyOpenssh"].split()
    assert key["publicKeyOpenssh"].endswith("\n"), "as officially: whoever wants none must take it off"
    public = tmp_path / "key.pub"
    public.write_text(key["publicKeyOpenssh"])
    assert run("ssh-keygen", "-l", "-f", str(public)).split()[1] == key["publicKeyFingerprintSha256"]
    assert run("ssh-keygen", "-l", "-E", "md5", "-f", str(public)).split()[1] == (
        f"MD5:{key['publicKeyFingerprintMd5']}"
    )
    assert run("openssl", "pkey", "-pubout", given=key["privateKeyPem"]) == key["publicKeyPem"]
    assert key["id"] == hashlib.sha1(key["publicKeyPem"].strip().encode()).hexdigest()


def test_private_keys_are_secret_and_public_ones_are_not(driver: Driver) -> None:
    made(driver, KEY, algorithm="ED25519")
    secret = {name for name, value in driver.state["x"].outputs.items() if isinstance(value, Secret)}
    assert secret == {"privateKeyPem", "privateKeyOpenssh", "privateKeyPemPkcs8"}


def test_a_key_on_a_curve_that_ssh_lacks_has_no_ssh_form(driver: Driver) -> None:
    key = made(driver, KEY, algorithm="ECDSA")
    assert "publicKeyOpenssh" not in key
    assert "publicKeyPem" in key


def test_an_unknown_algorithm_is_refused(driver: Driver) -> None:
    [entry] = driver.apply({"x": (KEY, {"algorithm": "DSA"})})
    assert entry["failures"] == [
        "Attribute algorithm value must be one of: ['RSA', 'ECDSA', 'ED25519'], got: 'DSA'"
    ]


def test_a_key_is_made_once_and_another_algorithm_replaces_it(driver: Driver) -> None:
    program: Program = {"x": (KEY, {"algorithm": "ED25519"})}
    driver.apply(program)
    assert driver.apply(program)[0]["op"] == "same"
    [entry] = driver.apply({"x": (KEY, {"algorithm": "RSA"})}, preview=True)
    assert entry["diff"]["replaces"] == ["algorithm"]


def self_signed(pem: str, **more: Any) -> dict[str, Any]:
    return {
        "privateKeyPem": Secret(pem),
        "allowedUses": ["digital_signature", "key_encipherment", "server_auth"],
        "dnsNames": ["a.example.com"],
        "ipAddresses": ["127.0.0.1"],
        "subject": {"commonName": "a.example.com", "organization": "Jira++"},
        "validityPeriodHours": 48,
        **more,
    }


def test_a_self_signed_certificate(driver: Driver, tmp_path: Path) -> None:
    pem = made(driver, KEY, algorithm="ECDSA", ecdsaCurve="P256")["privateKeyPem"]
    certificate = made(driver, CERTIFICATE, **self_signed(pem))
    text = run("openssl", "x509", "-noout", "-text", "-nameopt", "RFC2253", given=certificate["certPem"])
    for part in (
        r"Subject: CN=a.example.com,O=Jira\+\+",
        "DNS:a.example.com, IP Address:127.0.0.1",
        "Digital Signature, Key Encipherment",
        "TLS Web Server Authentication",
        "CA:FALSE",
    ):
        assert part in text
    path = tmp_path / "certificate"
    path.write_text(certificate["certPem"])
    run("openssl", "verify", "-CAfile", str(path), str(path))
    assert certificate["keyAlgorithm"] == "ECDSA"
    assert "readyForRenewal" not in certificate, "false"
    assert isinstance(driver.state["x"].outputs["privateKeyPem"], Secret)


def test_a_certificate_is_replaced_once_its_early_renewal_has_come(driver: Driver) -> None:
    pem = made(driver, KEY, algorithm="ECDSA", ecdsaCurve="P256")["privateKeyPem"]
    made(driver, CERTIFICATE, **self_signed(pem))
    [entry] = driver.apply({"x": (CERTIFICATE, self_signed(pem, earlyRenewalHours=24))})
    assert entry["op"] == "update"
    [entry] = driver.apply({"x": (CERTIFICATE, self_signed(pem, earlyRenewalHours=72))}, preview=True)
    assert entry["op"] == "replace"
    assert entry["diff"]["replaces"] == ["readyForRenewal"]


def test_a_request_and_its_signed_certificate(driver: Driver, tmp_path: Path) -> None:
    authority_key = made(driver, KEY, algorithm="ECDSA", ecdsaCurve="P384")["privateKeyPem"]
    uses = {"allowedUses": ["cert_signing", "crl_signing"], "isCaCertificate": True}
    authority = made(driver, CERTIFICATE, **self_signed(authority_key, **uses))["certPem"]
    key = made(driver, KEY, algorithm="ED25519")["privateKeyPem"]
    names = {"dnsNames": ["b.example.com"], "subject": {"commonName": "b.example.com"}}
    request = made(driver, REQUEST, privateKeyPem=Secret(key), **names)["certRequestPem"]
    shown = subprocess.run(
        ["openssl", "req", "-noout", "-verify", "-text"],
        input=request,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "verify OK" in shown.stderr
    assert "DNS:b.example.com" in shown.stdout
    signed = made(
        driver,
        SIGNED,
        certRequestPem=request,
        caCertPem=authority,
        caPrivateKeyPem=Secret(authority_key),
        allowedUses=["client_auth"],
        validityPeriodHours=1,
    )["certPem"]
    paths = [tmp_path / name for name in ("authority", "signed")]
    for path, pem in zip(paths, (authority, signed), strict=True):
        path.write_text(pem)
    run("openssl", "verify", "-CAfile", *map(str, paths))


def test_a_broken_key_is_not_repeated_in_the_error(driver: Driver) -> None:
    [entry] = driver.apply({"x": (CERTIFICATE, self_signed("canary-in-a-key"))})
    assert entry["error"].startswith("failed to parse private key PEM")
    assert "canary" not in entry["error"]


def test_an_unknown_use_is_refused(driver: Driver) -> None:
    inputs = self_signed("x", allowedUses=["server_atuh"])
    [entry] = driver.apply({"x": (CERTIFICATE, inputs)})
    assert entry["failures"][0].startswith("unknown use 'server_atuh': choose from ")


def test_nothing_but_the_state_is_read_at_a_refresh(driver: Driver) -> None:
    made(driver, KEY, algorithm="ED25519")
    before = marshal.plain(driver.state["x"].outputs)
    driver.refresh()
    assert marshal.plain(driver.state["x"].outputs) == before
