"""How new images come into a stack file, whose they must be, and one that is tried beside the API's."""

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from components.settings.images import Reference
from components.settings.number import between
from components.settings.problem import wrong
from components.settings.section import Section

_PEM = re.compile(r"\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)-----END PUBLIC KEY-----\s*")
MOST_PERCENT = 50
"""Beyond half it is the release. `components.services.connections` counts on it."""
_REMEDY = "paste the whole of cosign.pub, as `cosign generate-key-pair` or `cosign public-key` wrote it"


def _signing_key(value: str) -> str:
    if "PRIVATE KEY" in value:
        raise wrong("is a private key, which must never leave its owner", f"make a new pair, and {_REMEDY}")
    found = _PEM.fullmatch(value)
    if found is None:
        raise wrong("is no public key in PEM", _REMEDY)
    try:
        whole = base64.b64decode("".join(found[1].split()), validate=True)
    except binascii.Error:
        whole = b""
    if not whole.startswith(b"\x30"):  # RFC 5280, 4.1: a sequence
        raise wrong("is cut or altered: what it holds is no key", _REMEDY)
    return value


SigningKey = Annotated[str, AfterValidator(_signing_key)]


class Canary(Section):
    """A second API of another image, and how many clients it gets."""

    image: Reference = Field(
        description="image of a second API, beside images.api; it does not migrate, and must run on the"
        " schema of that"
    )
    share: Annotated[int, between(1, MOST_PERCENT, "percent")] = Field(
        description="percent of the clients that it gets; each stays, by a cookie, where it was sent first"
    )


class Release(Section):
    """New images of the application: how the workflow `release` brings them, and who has to sign them."""

    commit: bool = Field(
        False,
        description="the workflow `release` commits them and deploys; false: it opens a pull request",
    )
    signed_by: tuple[SigningKey, ...] = Field(
        (),
        description="cosign's public keys in PEM, one of which has to have signed each image; empty: none",
    )
    canary: Canary | None = Field(
        None, description="another image of the API beside it, for some of the clients"
    )
