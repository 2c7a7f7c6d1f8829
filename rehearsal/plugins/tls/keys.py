"""`tls.PrivateKey`: what it is made with, and the forms in which it is told."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from rehearsal.plugins.provider import ProviderError, Values

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    Key = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey

ALGORITHMS = ("RSA", "ECDSA", "ED25519")
CURVES = ("P224", "P256", "P384", "P521")
_PUBLIC_EXPONENT = 65537


def generate(algorithm: str, curve: str, bits: int) -> Key:
    """A new key."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if algorithm == "RSA":
        return rsa.generate_private_key(_PUBLIC_EXPONENT, bits)
    if algorithm == "ECDSA":
        curves: dict[str, type[Any]] = {
            "P224": ec.SECP224R1,
            "P256": ec.SECP256R1,
            "P384": ec.SECP384R1,
            "P521": ec.SECP521R1,
        }
        return ec.generate_private_key(curves[curve]())
    return ed25519.Ed25519PrivateKey.generate()


def described(key: Key) -> Values:
    """The outputs of `tls.PrivateKey`. OpenSSH knows no key on P-224: those are empty then."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    public = key.public_key()
    openssh = ssh = ""
    if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1)):
        openssh = _private(key, serialization.PrivateFormat.OpenSSH)
        ssh = (
            public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
            + "\n"
        )
    blob = base64.b64decode(ssh.split()[1]) if ssh else b""
    modern = algorithm(key) == "ED25519"
    return {
        "privateKeyPem": _private(
            key,
            serialization.PrivateFormat.PKCS8 if modern else serialization.PrivateFormat.TraditionalOpenSSL,
        ),
        "privateKeyPemPkcs8": _private(key, serialization.PrivateFormat.PKCS8),
        "privateKeyOpenssh": openssh,
        "publicKeyPem": public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        "publicKeyOpenssh": ssh,
        "publicKeyFingerprintMd5": _colons(hashlib.md5(blob).hexdigest()) if blob else "",  # noqa: S324 - ssh's form
        "publicKeyFingerprintSha256": (
            "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=") if blob else ""
        ),
    }


def algorithm(key: Any) -> str:
    """The name that the provider gives a key's kind."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def parse(pem: str) -> Key:
    """A key from PEM. Raises `ProviderError`, which does not repeat it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        loader = (
            serialization.load_ssh_private_key if "OPENSSH" in pem else serialization.load_pem_private_key
        )
        key = loader(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProviderError(
            "failed to parse private key PEM: no unencrypted RSA, ECDSA or ED25519 key"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise ProviderError(f"unsupported key type {type(key).__name__}: use RSA, ECDSA or ED25519")
    return key


def state_id(text: str) -> str:
    """The provider's id for something that has no number: a hash of its text."""
    return hashlib.sha1(text.strip().encode()).hexdigest()  # noqa: S324 - the provider's choice


def _private(key: Key, form: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _colons(digits: str) -> str:
    return ":".join(digits[index : index + 2] for index in range(0, len(digits), 2))
