"""How the server's certificate comes about."""

from typing import Literal

from components.settings.section import Section

Mode = Literal["dns-01", "origin-ca", "self-signed", "none"]


class Tls(Section):
    """The certificate that Traefik presents to Cloudflare."""

    mode: Mode
    acme_email: str | None = None
    acme_server: str = "https://acme-v02.api.letsencrypt.org/directory"
