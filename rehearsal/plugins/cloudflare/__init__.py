"""The stand-in for the plugin `cloudflare`: what the program may use of it, with the official plugin's
requests."""

from __future__ import annotations

import os
from pathlib import Path

from rehearsal.plugins import shapes
from rehearsal.plugins.cloudflare.account_token import AccountToken
from rehearsal.plugins.cloudflare.api import Api
from rehearsal.plugins.cloudflare.r2_bucket import R2Bucket
from rehearsal.plugins.cloudflare.resources import SPECS, CloudflareResource
from rehearsal.plugins.provider import Provider, ProviderError, Values
from rehearsal.plugins.rest import Rest

KINDS: dict[str, type[CloudflareResource]] = {
    "cloudflare:index/accountToken:AccountToken": AccountToken,
    "cloudflare:index/r2Bucket:R2Bucket": R2Bucket,
}
"""Those that the table does not tell all of."""
_DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"


class CloudflareProvider(Provider):
    """Configured by `cloudflare:apiToken` and `cloudflare:baseUrl`, or CLOUDFLARE_API_TOKEN and
    CLOUDFLARE_BASE_URL."""

    name = "cloudflare"
    secret_config = frozenset({"apiToken", "apiKey", "apiUserServiceKey"})

    def __init__(self) -> None:
        known = shapes.load(Path(__file__).with_name("shapes.json"))
        self.resources = {
            token: KINDS.get(token, CloudflareResource)(known[token], spec, self._client)
            for token, spec in SPECS.items()
        }
        self._api: Api | None = None

    def _client(self) -> Api:
        if self._api is None:
            raise ProviderError("the provider cloudflare is not configured")
        return self._api

    def configure(self, config: Values) -> None:
        """Make the client."""
        token = config.get("apiToken") or os.environ.get("CLOUDFLARE_API_TOKEN", "")
        base_url = config.get("baseUrl") or os.environ.get("CLOUDFLARE_BASE_URL") or _DEFAULT_BASE_URL
        if not token:
            raise ProviderError(
                "must provide one of apiToken, apiKey: set CLOUDFLARE_API_TOKEN or cloudflare:apiToken"
            )
        rest = Rest(
            self.name, base_url, token, "set CLOUDFLARE_BASE_URL to it, or install the official plugin"
        )
        self._api = Api(rest, base_url)


def provider() -> Provider:
    """The plugin."""
    return CloudflareProvider()
