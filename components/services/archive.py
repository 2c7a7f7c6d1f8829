"""Where the database's log goes: what pgBackRest is told, in every container that calls it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pulumi

from components.containers.mount import Mount
from components.containers.process import SECRETS
from components.containers.storage import Storage
from components.services.site import Site

SOCKET = "/var/run/postgresql"
"""The folder of the server's socket, which pgBackRest insists on."""
SCRIPT = "/etc/jira/pgbackrest.sh"
SOCKET_FOLDER = "/srv/jira/postgres-socket"
"""On the host."""
AUTHORITY = "/etc/jira-archive/authority.pem"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Of the image."""
DEFAULT_REGION = "us-east-1"
"""pgBackRest wants one, and a service without regions takes this, as R2 does for its `auto`."""
PUSH_SECONDS = 5
"""How long the server waits for a file to be sent before it asks again. A shutdown waits six times for it."""


@dataclass(frozen=True)
class Archive:
    """A part of the bucket, of this stack; and in it one of each cluster, by its identity."""

    environment: Mapping[str, str]
    files: Mapping[str, pulumi.Input[str]]
    """By path: the keys, the script that gives them to pgBackRest, and a private authority's certificate."""
    socket: Mount
    arguments: Mapping[str, str]
    """What the server is set to."""

    @classmethod
    def of(cls, name: str, site: Site, user: str, data: str, opts: pulumi.ResourceOptions) -> Self | None:
        """None where the stack has none.

        `name` is that of the socket's storage, which is `user`'s; `data` is where the cluster is mounted.
        """
        settings = site.settings.backup.point_in_time
        if settings is None:
            return None
        runtime, bucket = site.runtime, site.buckets["archive"]
        socket = Storage(
            name,
            runtime,
            SOCKET_FOLDER if runtime.host.data_path else None,
            user,
            site.images[site.postgres_image],
            opts,
        )
        passphrase = pulumi.Config().require_secret("archive_passphrase")
        service = urlsplit(bucket.endpoint)
        # https://pgbackrest.org/configuration.html; each option is a variable, too.
        options = {
            "COMPRESS_TYPE": "zst",
            "LOCK_PATH": "/tmp/pgbackrest/lock",  # noqa: S108
            "LOG_LEVEL_CONSOLE": "off",
            "LOG_LEVEL_FILE": "off",
            "LOG_LEVEL_STDERR": "warn",
            "PG1_PATH": data,
            "PG1_SOCKET_PATH": SOCKET,
            "PG1_USER": "backup",
            "REPO1_BLOCK": "y",
            "REPO1_BUNDLE": "y",
            "REPO1_CIPHER_TYPE": "aes-256-cbc",
            "REPO1_RETENTION_FULL": str(settings.keep_days),
            "REPO1_RETENTION_FULL_TYPE": "time",
            "REPO1_S3_BUCKET": bucket.bucket,
            "REPO1_S3_ENDPOINT": str(service.hostname),
            "REPO1_S3_REGION": bucket.region or DEFAULT_REGION,
            "REPO1_S3_URI_STYLE": "path",
            "REPO1_STORAGE_CA_FILE": AUTHORITY if bucket.authority else AUTHORITIES,
            "REPO1_STORAGE_PORT": str(service.port or 443),
            "REPO1_TYPE": "s3",
            # Of the log several files are sent at once, beside the server's asking for one after the other.
            "ARCHIVE_ASYNC": "y",
            "SPOOL_PATH": "/tmp/pgbackrest/spool",  # noqa: S108
            "START_FAST": "y",
        }
        return cls(
            environment={
                "ARCHIVE": runtime.stack,
                **{f"PGBACKREST_{option}": value for option, value in options.items()},
            },
            files={
                f"{SECRETS}/PGBACKREST_REPO1_CIPHER_PASS": passphrase,
                f"{SECRETS}/PGBACKREST_REPO1_S3_KEY": bucket.access_key,
                f"{SECRETS}/PGBACKREST_REPO1_S3_KEY_SECRET": bucket.secret_key,
                SCRIPT: Path(__file__).with_name("pgbackrest.sh").read_text(encoding="utf-8"),
                **({AUTHORITY: bucket.authority} if bucket.authority else {}),
            },
            socket=socket.mount(SOCKET),
            arguments={
                "archive_mode": "on",
                # pgBackRest looks for its own name in it.
                "archive_command": f"bash {SCRIPT} --archive-timeout={PUSH_SECONDS} archive-push %p",
                "archive_timeout": f"{settings.archive_seconds}s",
            },
        )
