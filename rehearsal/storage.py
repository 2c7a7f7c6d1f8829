"""What is known of a rehearsal's storage elsewhere before it runs, and is the same in each run."""

from __future__ import annotations

import json
import secrets
import socket
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

    def secrets(self) -> dict[str, str]:
        """The keys, as secrets of a stack."""
        return {
            f"{whose}_{key}": value
            for whose in KEYS.values()
            for key, value in (("access_key", self.access_key), ("secret_key", self.secret_key))
        }
