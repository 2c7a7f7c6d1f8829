"""Where the providers' APIs are, and the tokens to ask them with: as the providers find them themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi

from components.clouds.api import Api

HETZNER = "https://api.hetzner.cloud/v1"
CLOUDFLARE = "https://api.cloudflare.com/client/v4"
_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Accounts:
    """The APIs as the providers will ask them; `acme` is Cloudflare's, asked as Traefik will.

    `r2` is the S3 endpoint of the account's buckets, where that is not R2's own, as in a rehearsal.
    """

    hetzner: Api
    cloudflare: Api
    acme: Api
    r2: str | None = None

    @property
    def on_this_machine(self) -> bool:
        """Whether a provider is asked here, as in a rehearsal: then its servers are here, too."""
        return any(urlsplit(api.endpoint).hostname in _HERE for api in (self.hetzner, self.cloudflare))


def accounts(environment: Mapping[str, str]) -> Accounts:
    """From the stack's configuration, else from `environment`."""
    hcloud, cloudflare = pulumi.Config("hcloud"), pulumi.Config("cloudflare")
    at_hetzner = hcloud.get("endpoint") or environment.get("HCLOUD_ENDPOINT") or HETZNER
    at_cloudflare = cloudflare.get("baseUrl") or environment.get("CLOUDFLARE_BASE_URL") or CLOUDFLARE
    at_cloudflare = at_cloudflare.rstrip("/")
    return Accounts(
        Api(
            "Hetzner",
            at_hetzner.rstrip("/"),
            hcloud.get("token") or environment.get("HCLOUD_TOKEN") or "",
        ),
        Api(
            "Cloudflare",
            at_cloudflare,
            cloudflare.get("apiToken") or environment.get("CLOUDFLARE_API_TOKEN") or "",
        ),
        Api("Cloudflare", at_cloudflare, pulumi.Config().get("acme_dns_token") or ""),
        environment.get("CLOUDFLARE_R2_ENDPOINT") or None,
    )
