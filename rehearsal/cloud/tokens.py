"""Tokens beside the cloud's own, which may do everything: which API each is for, and what it may do there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, get_args

from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.records import Record
from rehearsal.cloud.store import Store

KIND = "token"
Provider = Literal["hetzner", "cloudflare"]
STATUSES = ("active", "disabled", "expired")


class Tokens:
    """Kept by their digest: the folder holds no token."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, value: str, provider: Provider, permissions: Sequence[str], status: str = "active"
    ) -> Record:
        """Gives a token out. `permissions` as the provider calls them: `read`, or `#dns_records:edit`.

        Raises:
            ApiError: no such provider or status.
        """
        if provider not in get_args(Provider) or status not in STATUSES:
            raise ApiError(422, f"{provider} {status}: one of {get_args(Provider)} and of {STATUSES}")
        token = {
            "id": _digest(value),
            "provider": provider,
            "permissions": [*permissions],
            "status": status,
        }
        self._store.put(KIND, token)
        return token

    def find(self, value: str | None, provider: Provider) -> Record | None:
        """What is known of a token; None if it was never given out for that provider."""
        token = self._store.get(KIND, _digest(value or ""))
        return token if token and token["provider"] == provider else None


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:32]
