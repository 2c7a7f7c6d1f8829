"""What is known of a rehearsal's storage elsewhere before it runs, and is the same in each run."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rehearsal.cloud.authority import Authority
from rehearsal.machines.docker import network

KEYS = {"offsite": "offsite", "point_in_time": "archive"}
"""What of a stack's goes there, by its key under `backup`; and what the names of its secrets begin with."""


@dataclass(frozen=True)
class Storage:
    """An account at an S3 service, in the folder `home`: its keys, and where the service will answer."""

    home: Path
    access_key: str
    secret_key: str
    port: int

    @classmethod
    def of(cls, home: Path) -> Self:
        """The one whose folder this is; a new one, if it is none's yet."""
        record = home / "account.json"
        if not record.exists():
            home.mkdir(parents=True, exist_ok=True)
            with socket.create_server(("", 0)) as free:
                port = free.getsockname()[1]
            made = {
                "access_key": secrets.token_hex(10).upper(),
                "secret_key": secrets.token_urlsafe(30),
                "port": port,
            }
            record.touch(0o600)
            record.write_text(json.dumps(made))
        return cls(home, **json.loads(record.read_text()))

    @property
    def keys(self) -> dict[str, dict[str, Any]]:
        """The keys that are good for single buckets: `secret`, `buckets`, and whether they may `write`."""
        path = self.home / "keys.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def change(self, keys: Mapping[str, dict[str, Any] | None]) -> None:
        """Adds keys; one that is None goes. versitygw looks a key up when it is used."""
        kept = {key: what for key, what in {**self.keys, **keys}.items() if what is not None}
        # As its admin, who may do all: what a key is good for is seen to at the door (s3.py).
        accounts = {
            key: {"access": key, "secret": what["secret"], "role": "admin"} for key, what in kept.items()
        }
        (self.home / "iam").mkdir(exist_ok=True)
        for path, content in (
            (self.home / "iam" / "users.json", {"accessAccounts": accounts}),
            (self.home / "keys.json", kept),
        ):
            path.touch(0o600)
            path.write_text(json.dumps(content))

    @property
    def endpoint(self) -> str:
        """Its URL, for this machine and the booted ones."""
        return f"https://{network.GATEWAY}:{self.port}"

    @property
    def ca_pem(self) -> str:
        """The authority that signs its certificate."""
        return Authority(self.home).pem

    def settings(self) -> dict[str, Any]:
        """What a stack file says of a bucket to have it there; the bucket's name is its own."""
        return {"endpoint": self.endpoint, "certificate_authority": self.ca_pem}

    def trusted(self) -> dict[str, Any]:
        """What a stack file says of a bucket whose endpoint is told otherwise."""
        return {"certificate_authority": self.ca_pem}

    def secrets(self) -> dict[str, str]:
        """The keys, as secrets of a stack."""
        return {
            f"{whose}_{key}": value
            for whose in KEYS.values()
            for key, value in (("access_key", self.access_key), ("secret_key", self.secret_key))
        }
