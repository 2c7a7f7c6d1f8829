"""What the tokens must be allowed to do: the one place that says so; other texts repeat it, by test."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Permission:
    """One permission of a Cloudflare token. `words` are the dashboard's, `scope` is that of a zone's
    `permissions` in the API: `#<scope>:read` and `#<scope>:edit`."""

    words: str
    scope: str

    @property
    def edits(self) -> bool:
        """Whether reading is not enough."""
        return self.words.endswith("Edit")


ZONE = Permission("Zone / Zone / Read", "zone")
ZONE_SETTINGS = Permission("Zone / Zone Settings / Edit", "zone_settings")
DNS = Permission("Zone / DNS / Edit", "dns_records")
CERTIFICATES = Permission("Zone / SSL and Certificates / Edit", "ssl")
BUCKETS = Permission("Account / Workers R2 Storage / Edit", "workers_r2")
KEYS = Permission("Account / Account API Tokens / Edit", "account_api_tokens")

R2 = (BUCKETS, KEYS)
"""Of `CLOUDFLARE_API_TOKEN`, for the account, where `backup.r2` has buckets made."""

HETZNER = "Read & Write"
"""Of `HCLOUD_TOKEN`; a preview needs `Read` only."""
CLOUDFLARE = (ZONE, ZONE_SETTINGS, DNS)
"""Of `CLOUDFLARE_API_TOKEN`."""
ACME = (ZONE, DNS)
"""Of the secret `acme_dns_token`: without the first, Traefik cannot find the zone (traefik/traefik#5965)."""


def of_cloudflare(tls_mode: object, zone_settings: object) -> tuple[Permission, ...]:
    """What `CLOUDFLARE_API_TOKEN` needs for the zone, by `tls.mode` and `edge.zone_settings`."""
    needed = (*CLOUDFLARE, CERTIFICATES) if tls_mode == "origin-ca" else CLOUDFLARE
    return tuple(one for one in needed if one != ZONE_SETTINGS or zone_settings != "keep")


def listed(permissions: Iterable[Permission]) -> str:
    """As all texts write them: `Zone / Zone / Read, Zone / DNS / Edit`."""
    return ", ".join(permission.words for permission in permissions)
