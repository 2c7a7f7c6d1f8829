"""OpenSSH public keys, one line `<type> <base64> [comment]`."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator

from components.settings.problem import wrong

LEAST_RSA_BITS = 2048
"""NIST SP 800-131A: shorter ones are not to be used any more."""
_REMEDY = "paste the line of the .pub file, e.g. ssh-ed25519 AAAA… name"


def _point(curve: bytes, bytes_: int) -> Callable[[Sequence[bytes]], bool]:
    """Of RFC 5656, 3.1: the curve's name, and an uncompressed point on it."""
    return lambda fields: len(fields) == 2 and fields[0] == curve and len(fields[1]) == bytes_


def _ed25519(fields: Sequence[bytes]) -> bool:
    """RFC 8709, 4."""
    return len(fields) == 1 and len(fields[0]) == 32


def _with_application(key: Callable[[Sequence[bytes]], bool]) -> Callable[[Sequence[bytes]], bool]:
    """Of a key in a token: OpenSSH's PROTOCOL.u2f."""
    return lambda fields: len(fields) > 1 and bool(fields[-1]) and key(fields[:-1])


TYPES: Mapping[str, Callable[[Sequence[bytes]], bool]] = {
    "ssh-ed25519": _ed25519,
    "ecdsa-sha2-nistp256": _point(b"nistp256", 65),
    "ecdsa-sha2-nistp384": _point(b"nistp384", 97),
    "ecdsa-sha2-nistp521": _point(b"nistp521", 133),
    "ssh-rsa": lambda fields: len(fields) == 2,  # RFC 4253, 6.6: exponent and modulus
    "sk-ssh-ed25519@openssh.com": _with_application(_ed25519),
    "sk-ecdsa-sha2-nistp256@openssh.com": _with_application(_point(b"nistp256", 65)),
}
"""What sshd takes, and whether the fields after the type are whole."""


def _public_key(value: str) -> str:
    line = value.strip()
    if "PRIVATE KEY" in line:
        raise wrong(
            "is a private key, which must never leave its owner", "make a new key pair and " + _REMEDY
        )
    if not line.isprintable():
        raise wrong("is more than one line", "write each key as an item of its own; " + _REMEDY)
    words = line.split()
    if words and words[0] in ("ssh-dss", "ssh-dsa"):
        raise wrong("is of a type that OpenSSH takes no more", "make a new one: ssh-keygen -t ed25519")
    if words and words[0] not in TYPES and set(words[1:]) & TYPES.keys():
        raise wrong("does not begin with the key's type", "leave out what stands before it; " + _REMEDY)
    if len(words) < 2 or words[0] not in TYPES:
        raise wrong("is no OpenSSH public key", _REMEDY)
    _check(words[0], words[1])
    return line


def _check(type_: str, text: str) -> None:
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise wrong("is cut or altered: its second word is not base64", _REMEDY) from None
    fields = _fields(blob)
    # RFC 4253, 6.6: the key begins with its type.
    if not blob.startswith(len(type_).to_bytes(4) + type_.encode()):
        raise wrong(f"does not hold a key of type {type_}", _REMEDY)
    if fields is None or not TYPES[type_](fields[1:]):
        raise wrong("is cut or altered: its second word is no whole key", _REMEDY)
    if type_ == "ssh-rsa" and (bits := int.from_bytes(fields[2]).bit_length()) < LEAST_RSA_BITS:
        raise wrong(
            f"is an RSA key of {bits} bits, which is too short to be safe",
            "make a new one: ssh-keygen -t ed25519",
        )


def _fields(blob: bytes) -> list[bytes] | None:
    """RFC 4251, 5: strings, each behind its length of 4 bytes; None if the last is not whole."""
    fields = []
    while blob:
        end = 4 + int.from_bytes(blob[:4])
        if len(blob) < max(end, 4):
            return None
        fields.append(blob[4:end])
        blob = blob[end:]
    return fields


PublicKey = Annotated[str, AfterValidator(_public_key)]
