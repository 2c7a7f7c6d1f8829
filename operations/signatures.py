"""Whether an image was signed with cosign by one of the keys that the settings name (`release.signed_by`).

Read from the image's registry, in both forms that cosign writes:

- a manifest with the tag `sha256-<digest>.sig`, each layer of which is a payload that names the image and has
  its signature as an annotation (cosign's specs/SIGNATURE_SPEC.md; the default until version 2);
- a bundle that refers to the image, with a signed statement about it (specs/BUNDLE_SPEC.md; the default since
  version 3). Who refers to it the registry is asked as the distribution specification says, and where it does
  not know, the tag `sha256-<digest>`.

The key alone decides, as with `cosign verify --key … --insecure-ignore-tlog`: no transparency log is asked.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from operations.registry import Login, NotThere, Repository

SIGNATURE = "dev.cosignproject.cosign/signature"
BUNDLE = "application/vnd.dev.sigstore.bundle"
IN_TOTO = "application/vnd.in-toto+json"
SIGNED = "https://sigstore.dev/cosign/sign/v1"
"""The statement that an image was signed: a report about it with a signature of the same key is another."""
_HASHES = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
"""cosign takes SHA-256, or what fits the curve."""


class Unsigned(NotThere):
    """No key that counts has signed the image; the message says what was found, and how to sign."""


@dataclass(frozen=True)
class Claim:
    """What somebody has signed: the bytes, the signature over them, and the digest that they are about."""

    data: bytes
    signature: bytes
    digest: str


def require(reference: str, keys: Sequence[str], login: Login | None = None) -> None:
    """Asks the registry of an image whether it was signed by one of the `keys`, which are public ones in PEM.

    Raises:
        Unsigned: it was not.
        NotThere: the registry cannot be asked.
    """
    repository, digest = Repository.of(reference, login)
    loaded = [_loaded(key) for key in keys]
    claims = [*_tagged(repository, digest), *_referring(repository, digest)]
    ours = [claim for claim in claims if any(_signed(claim, key) for key in loaded)]
    if any(claim.digest == digest for claim in ours):
        return
    how = f"sign it: `cosign sign --key cosign.key {reference}`"
    if ours:
        raise Unsigned(
            f"{reference}: the signature that lies there is of {ours[0].digest}, another image; {how}"
        )
    if claims:
        raise Unsigned(
            f"{reference}: has {len(claims)} signature(s), and none by a key of release.signed_by; {how}, or "
            "add the public key of who signed"
        )
    raise Unsigned(f"{reference}: has no signature, and release.signed_by asks for one; {how}")


def _tagged(repository: Repository, digest: str) -> Iterator[Claim]:
    manifest = _json(repository.find(f"manifests/{digest.replace(':', '-')}.sig"))
    for layer in _list(manifest, "layers"):
        signature = _base64(_dict(layer, "annotations").get(SIGNATURE))
        payload = repository.find(f"blobs/{layer.get('digest')}") if signature else None
        image = _dict(_dict(_json(payload), "critical"), "image")
        if payload and signature:
            yield Claim(payload, signature, str(image.get("docker-manifest-digest")))


def _referring(repository: Repository, digest: str) -> Iterator[Claim]:
    by_tag = f"manifests/{digest.replace(':', '-')}"
    listed = repository.find(f"referrers/{digest}") or repository.find(by_tag)
    for entry in _list(_json(listed), "manifests"):
        manifest = _json(repository.find(f"manifests/{entry.get('digest')}"))
        for layer in _list(manifest, "layers"):
            if str(layer.get("mediaType")).startswith(BUNDLE):
                bundle = _json(repository.find(f"blobs/{layer.get('digest')}"))
                yield from _of_bundle(_dict(bundle, "dsseEnvelope"))


def _of_bundle(envelope: dict[str, Any]) -> Iterator[Claim]:
    """DSSE v1: what is signed is the type and the payload, each behind its length."""
    payload = _base64(envelope.get("payload"))
    statement = _json(payload)
    if not payload or envelope.get("payloadType") != IN_TOTO or statement.get("predicateType") != SIGNED:
        return
    data = b"DSSEv1 %d %s %d %s" % (len(IN_TOTO), IN_TOTO.encode(), len(payload), payload)
    for entry in _list(envelope, "signatures"):
        if signature := _base64(entry.get("sig")):
            for subject in _list(statement, "subject"):
                yield Claim(data, signature, f"sha256:{_dict(subject, 'digest').get('sha256')}")


def _loaded(pem: str) -> Any:
    try:
        return load_pem_public_key(pem.encode())
    except ValueError as error:
        raise Unsigned(f"release.signed_by: one of them is no key: {error}; paste cosign.pub") from None


def _signed(claim: Claim, key: Any) -> bool:
    if isinstance(key, ed25519.Ed25519PublicKey):
        ways: list[tuple[Any, ...]] = [()]
    elif isinstance(key, ec.EllipticCurvePublicKey):
        ways = [(ec.ECDSA(algorithm),) for algorithm in _HASHES]
    elif isinstance(key, rsa.RSAPublicKey):
        ways = [(padding.PKCS1v15(), algorithm) for algorithm in _HASHES]
    else:
        raise Unsigned("release.signed_by: one of the keys is of a type that cosign does not sign with")
    for way in ways:
        with suppress(InvalidSignature):
            key.verify(claim.signature, claim.data, *way)
            return True
    return False


# What is in a registry anybody may have put there: what has another form says nothing.
def _json(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _dict(whole: dict[str, Any], name: str) -> dict[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _list(whole: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = whole.get(name)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _base64(text: object) -> bytes:
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except binascii.Error:
        return b""
