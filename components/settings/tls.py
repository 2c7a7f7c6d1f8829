"""How the server's certificate comes about."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.settings.email import Email
from components.settings.problem import wrong
from components.settings.section import Section

Mode = Literal["dns-01", "origin-ca", "self-signed", "none"]

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/"


def _directory(value: str) -> str:
    if not re.fullmatch(r"https://[^\s/@]+(/\S*)?", value):
        raise wrong("is no https URL", f"write the URL of an ACME directory, e.g. {LETS_ENCRYPT}")
    return value


class Tls(Section):
    """The certificate that Traefik presents to Cloudflare."""

    mode: Mode = Field(
        description="dns-01: Let's Encrypt; origin-ca: Cloudflare's authority; self-signed, none: kind local"
    )
    acme_email: Email | None = Field(None, description="mode dns-01: the account's address at the authority")
    acme_server: Annotated[str, AfterValidator(_directory)] = Field(
        LETS_ENCRYPT, description="mode dns-01: the authority's ACME directory"
    )
