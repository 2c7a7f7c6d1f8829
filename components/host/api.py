"""Hetzner's API as the program itself asks it: with the provider's token, at the provider's address."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

ENDPOINT = "https://api.hetzner.cloud/v1"
TRIES = 4
_PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Access:
    """`token` is empty where there is none: then nobody is asked."""

    token: str
    endpoint: str

    def list(self, kind: str, **query: str) -> list[dict[str, Any]]:
        """The objects of a kind, such as `servers`, that match: one page, of at most 50.

        Raises:
            pulumi.RunError: Hetzner refuses, or does not answer.
        """
        if not self.token:
            return []
        address = f"{self.endpoint}/{kind}?{urllib.parse.urlencode({**query, 'per_page': '50'})}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.token}"})
        for left in reversed(range(TRIES)):
            try:
                with urllib.request.urlopen(request, timeout=15) as answer:
                    found: list[dict[str, Any]] = json.load(answer).get(kind, [])
                    return found
            except OSError as error:
                passes = not isinstance(error, urllib.error.HTTPError) or error.code in _PASSING
                if not left or not passes:
                    raise pulumi.RunError(
                        f"HCLOUD_TOKEN: Hetzner cannot be asked for its {kind} ({error}); nothing was changed"
                    ) from None
            time.sleep(2.0 ** (TRIES - left - 1))
        raise AssertionError("unreachable")


def access(environment: Mapping[str, str] = os.environ) -> Access:
    """Where the provider finds both, in its own order."""
    given = pulumi.Config("hcloud")
    return Access(
        given.get("token") or environment.get("HCLOUD_TOKEN") or "",
        given.get("endpoint") or environment.get("HCLOUD_ENDPOINT") or ENDPOINT,
    )
