"""The private key of the secret `ssh_private_key`: what ssh could not log in with is refused first."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from components.settings.problem import NOT_SHOWN, Problem

NAME = "ssh_private_key"
_OPENSSH = b"openssh-key-v1\0"
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----(.*?)-----END \1PRIVATE KEY-----", re.DOTALL)


def unusable(secrets: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with the key, if it is among `secrets`. It is never shown."""
    if wrong := _wrong(secrets.get(NAME, "")):
        yield Problem(
            NAME,
            NOT_SHOWN,
            wrong,
            f"run `pulumi config set --secret {NAME} <~/.ssh/id_ed25519` with a key that has no passphrase, "
            "or leave it out where an ssh agent runs",
        )


def _wrong(text: str) -> str | None:
    if text.startswith(("ssh-", "ecdsa-", "sk-")):
        return "is the public half of a key"
    if text.startswith("PuTTY-User-Key-File"):
        return "is in PuTTY's format, which ssh does not read"
    if "-----BEGIN " not in text:
        return None
    block = _BLOCK.search(text)
    if block is None:
        return "is cut or altered: its last line is not that of its first"
    if "ENCRYPTED" in text or _cipher(block[2]) not in (None, b"none"):
        return "asks for a passphrase, and nobody is there to type it"
    return None


def _cipher(body: str) -> bytes | None:
    """What an OpenSSH key is encrypted with (OpenSSH's PROTOCOL.key); None of another format."""
    try:
        blob = base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error:
        return None
    if not blob.startswith(_OPENSSH):
        return None
    rest = blob.removeprefix(_OPENSSH)
    return rest[4 : 4 + int.from_bytes(rest[:4])]
