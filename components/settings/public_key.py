"""OpenSSH public keys, one line `<type> <base64> [comment]`."""

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator

from components.settings.problem import wrong

TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_REMEDY = "paste the line of the .pub file, e.g. ssh-ed25519 AAAA… name"


def _public_key(value: str) -> str:
    if "PRIVATE KEY" in value:
        raise wrong(
            "is a private key, which must never leave its owner", "make a new key pair and " + _REMEDY
        )
    parts = value.split()
    if len(parts) < 2 or parts[0] not in TYPES:
        raise wrong("is no OpenSSH public key", _REMEDY)
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except binascii.Error:
        raise wrong("is cut or altered: its second word is not base64", _REMEDY) from None
    # RFC 4253, 6.6: the key begins with its type as a string with a length of 4 bytes.
    if blob[4 : 4 + int.from_bytes(blob[:4])] != parts[0].encode():
        raise wrong(f"does not hold a key of type {parts[0]}", _REMEDY)
    return value


PublicKey = Annotated[str, AfterValidator(_public_key)]
