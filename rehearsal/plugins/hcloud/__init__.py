"""The stand-in for the plugin `hcloud`: what the program uses of it, with the official plugin's requests."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rehearsal.plugins import shapes
from rehearsal.plugins.hcloud.api import Api
from rehearsal.plugins.hcloud.common import HetznerResource
from rehearsal.plugins.hcloud.firewall import Firewall, FirewallAttachment
from rehearsal.plugins.hcloud.primary_ip import PrimaryIp
from rehearsal.plugins.hcloud.rdns import Rdns
from rehearsal.plugins.hcloud.server import Server
from rehearsal.plugins.hcloud.ssh_key import SshKey
from rehearsal.plugins.hcloud.volume import Volume, VolumeAttachment
from rehearsal.plugins.provider import CheckFailure, Provider, ProviderError, Values
from rehearsal.plugins.rest import Rest

_RESOURCES: dict[str, type[HetznerResource]] = {
    "hcloud:index/firewall:Firewall": Firewall,
    "hcloud:index/firewallAttachment:FirewallAttachment": FirewallAttachment,
    "hcloud:index/primaryIp:PrimaryIp": PrimaryIp,
    "hcloud:index/rdns:Rdns": Rdns,
    "hcloud:index/server:Server": Server,
    "hcloud:index/sshKey:SshKey": SshKey,
    "hcloud:index/volume:Volume": Volume,
    "hcloud:index/volumeAttachment:VolumeAttachment": VolumeAttachment,
}
_ENVIRONMENT = {"token": "HCLOUD_TOKEN", "endpoint": "HCLOUD_ENDPOINT"}
_DEFAULT_ENDPOINT = "https://api.hetzner.cloud/v1"
_TOKEN_LENGTH = 64
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class HetznerProvider(Provider):
    """Configured by `hcloud:token` and `hcloud:endpoint`, or by HCLOUD_TOKEN and HCLOUD_ENDPOINT."""

    name = "hcloud"
    secret_config = frozenset({"token"})

    def __init__(self) -> None:
        known = shapes.load(Path(__file__).with_name("shapes.json"))
        self.resources = {token: kind(known[token], self._client) for token, kind in _RESOURCES.items()}
        self._api: Api | None = None

    def _client(self) -> Api:
        if self._api is None:
            raise ProviderError("the provider hcloud is not configured")
        return self._api

    def check_config(self, news: Values) -> tuple[Values, list[CheckFailure]]:
        """A token has 64 characters; an interval is a Go duration."""
        failures = []
        token = news.get("token", os.environ.get("HCLOUD_TOKEN", ""))
        if isinstance(token, str) and len(token) != _TOKEN_LENGTH:
            reason = "entered token is invalid (must be exactly 64 characters long)"
            failures.append(CheckFailure("token", f"{reason}: set HCLOUD_TOKEN or hcloud:token"))
        if isinstance(news.get("pollInterval"), str) and _seconds(news["pollInterval"]) is None:
            failures.append(CheckFailure("pollInterval", f'time: invalid duration "{news["pollInterval"]}"'))
        if news.get("pollFunction", "exponential") not in ("constant", "exponential"):
            failures.append(
                CheckFailure("pollFunction", 'expected pollFunction to be one of ["constant" "exponential"]')
            )
        return news, failures

    def configure(self, config: Values) -> None:
        """Make the client."""
        settings = {
            name: config.get(name) or os.environ.get(variable, "") for name, variable in _ENVIRONMENT.items()
        }
        rest = Rest(
            self.name,
            settings["endpoint"] or _DEFAULT_ENDPOINT,
            settings["token"],
            "set HCLOUD_ENDPOINT to it, or install the official plugin",
        )
        interval = _seconds(config.get("pollInterval", "500ms")) or 0.5
        self._api = Api(rest, poll_seconds=interval, constant=config.get("pollFunction") == "constant")


def _seconds(duration: str) -> float | None:
    """A Go duration such as `500ms` or `1m30s`; `None` if it is none."""
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m))+", duration):
        return None
    return sum(
        float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)(ms|s|m)", duration)
    )


def provider() -> Provider:
    """The plugin."""
    return HetznerProvider()
