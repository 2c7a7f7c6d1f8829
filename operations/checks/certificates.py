"""Whether each name of a stack is served with a certificate that those before the server will accept."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from operations.checks.finding import Finding
from operations.place import SECONDS, Place

ACME_PATIENCE_SECONDS = 180.0
"""An authority looks at a DNS record that was made for it, and DNS takes its time."""
DAYS_LEFT = 14
"""Traefik renews 30 days before the end, a deploy a self-signed one as well: fewer means that it fails."""
_MADE = {
    "cloudflare:index/originCaCertificate:OriginCaCertificate": "certificate",
    "tls:index/selfSignedCert:SelfSignedCert": "certPem",
}
"""Certificates that the program makes: the type of the resource, and the output that holds it in PEM."""


@dataclass(frozen=True)
class Shown:
    """What a name is served with: for how many `days` more it is valid, or what is wrong, in words."""

    name: str
    trouble: str
    days: float | None = None


class Certificates:
    """Of the names in `urls`, by purpose. Which certificate is right follows from the state's `resources`."""

    def __init__(self, stack: str, urls: Mapping[str, str], resources: Sequence[Mapping[str, Any]]) -> None:
        self._stack = stack
        self._addresses = [urlsplit(url) for url in urls.values() if url.startswith("https:")]
        made = [
            r["outputs"][_MADE[r["type"]]] for r in resources if r["type"] in _MADE and not r.get("delete")
        ]
        self.from_an_authority = bool(self._addresses) and not made
        """Whether Traefik gets them by itself; Cloudflare then trusts those that this machine trusts."""
        self._context = ssl.create_default_context()
        if made:  # only this one: Cloudflare trusts its own authority, which no system does
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            self._context.load_verify_locations(cadata="\n".join(made))

    def findings(self, place: Place) -> list[Finding]:
        """What a TLS handshake with the server shows for each name."""
        return [found for shown in self.shown(place) if (found := self.finding(shown))]

    def shown(self, place: Place, seconds: float = SECONDS) -> list[Shown]:
        """What each name is served with, as far as it is told within `seconds`."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            return list(pool.map(lambda address: self._shown(place, address, seconds), self._addresses))

    def finding(self, shown: Shown) -> Finding | None:
        """What is not well of one."""
        state = shown.trouble
        if not state and shown.days is not None and shown.days < DAYS_LEFT:
            state = f"has a certificate that ends in {shown.days:.0f} days"
        proxy = f"jira-{self._stack}-traefik"
        return (
            Finding(shown.name, state, f"`docker logs --since 1h {proxy}` says why ({_RUNBOOK})")
            if state
            else None
        )

    def _shown(self, place: Place, address: Any, seconds: float) -> Shown:
        name = str(address.hostname)
        try:
            with (
                place.connected(address.port or 443, seconds) as connection,
                self._context.wrap_socket(connection, server_hostname=name) as secured,
            ):
                certificate = secured.getpeercert() or {}
        except ssl.SSLCertVerificationError as error:
            return Shown(name, f"serves no valid certificate: {error.verify_message}")
        except OSError as error:
            return Shown(name, f"gives no TLS handshake: {error}")
        ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return Shown(name, "", (ends - time.time()) / 86400)


_RUNBOOK = "docs/runbook.md, A name has no valid certificate"
