"""What a human must give beside the stack file: secrets of the stack, and tokens in the environment."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pulumi

from components.settings import permissions
from components.settings.problem import NOTHING, Problem

SECRETS: Mapping[str, str] = {
    "acme_dns_token": (
        f"Cloudflare token for Traefik ({permissions.listed(permissions.ACME)}, for this zone alone)"
    ),
    "offsite_access_key": "access key of backup.offsite.bucket, which may read, write and delete there",
    "offsite_secret_key": "secret key that belongs to offsite_access_key",
    "offsite_passphrase": (
        "passphrase that encrypts the copies, made by `openssl rand -base64 30` and kept on paper as well: "
        "without it they are noise"
    ),
    "archive_access_key": "access key of backup.point_in_time.bucket, which may read, write and delete there",
    "archive_secret_key": "secret key that belongs to archive_access_key",
    "archive_passphrase": (
        "passphrase that encrypts the database's log and its backups, made by `openssl rand -base64 30` and "
        "kept on paper as well: without it they are noise"
    ),
    "masked_access_key": (
        "access key of the bucket of masked rows (backup.masked, which may read, write and delete there, or "
        "backup.reset.masked, which needs to read only)"
    ),
    "masked_secret_key": "secret key that belongs to masked_access_key",
    "masked_passphrase": (
        "passphrase that encrypts the masked rows, made by `openssl rand -base64 30`: another one than "
        "offsite_passphrase, and the same for the stack that exports and the one that takes"
    ),
    "registry_password": "password of registry.username (it needs to pull only)",
    "sentry_dsn": "DSN of the Sentry project",
    "ssh_private_key": "private key that host.ssh.user of a host of kind existing lets in",
}
"""Keys that are never in the tree: `secret` reads them. Value: what it is."""

OFFSITE = ("offsite_access_key", "offsite_secret_key", "offsite_passphrase")
"""Of a stack whose dumps are copied off the machine."""
ARCHIVE = ("archive_access_key", "archive_secret_key", "archive_passphrase")
"""Of a stack whose database's log is archived."""
MASKED = ("masked_access_key", "masked_secret_key", "masked_passphrase")
"""Of a stack that hands masked rows on, or takes them."""

_SENSITIVE = re.compile(
    r"(^|[_.-])(pass(word|wd|phrase)?|pwd|secrets?|tokens?|dsn|credentials?|private(_key)?|api_?key)([_.-]|$)",
    re.IGNORECASE,
)


def secret(config: pulumi.Config, name: str) -> pulumi.Output[str] | None:
    """The secret `name`, or None if it is not set: Pulumi.yaml then gives it an empty default."""
    return config.get_secret(name) if config.get(name) else None


def looks_secret(path: str) -> bool:
    """Whether a value at `path` should not be shown, by the path's words."""
    return bool(_SENSITIVE.search(path))


def tokens(raw: Mapping[str, Any], present: Mapping[str, str]) -> dict[str, str]:
    """Of what is `present`, the tokens that the settings in `raw` need."""
    kind, mode = _mapping(raw, "host").get("kind"), _mapping(raw, "tls").get("mode")
    needed = {
        "HCLOUD_TOKEN": kind == "hetzner",
        "CLOUDFLARE_API_TOKEN": kind in ("hetzner", "existing"),
        "acme_dns_token": mode == "dns-01",
        **dict.fromkeys(OFFSITE, bool(_mapping(raw, "backup").get("offsite"))),
        **dict.fromkeys(MASKED, masks(raw)),
        **dict.fromkeys(ARCHIVE, bool(_mapping(raw, "backup").get("point_in_time"))),
    }
    return {name: present[name] for name, is_needed in needed.items() if is_needed and name in present}


def missing(raw: Mapping[str, Any], present: Collection[str]) -> Iterator[Problem]:
    """What the settings in `raw`, checked or not, need and do not have.

    `present` are the secrets that are set, and `HCLOUD_TOKEN` and `CLOUDFLARE_API_TOKEN`.
    """
    host, tls, application = (_mapping(raw, name) for name in ("host", "tls", "application"))
    offsite, archive = (bool(_mapping(raw, "backup").get(name)) for name in ("offsite", "point_in_time"))
    for name, needed, why in (
        ("acme_dns_token", tls.get("mode") == "dns-01", "tls.mode dns-01 proves the names by DNS"),
        *((key, offsite, "backup.offsite copies the dumps to a bucket") for key in OFFSITE),
        *((key, masks(raw), "backup.masked or backup.reset.masked names a bucket") for key in MASKED),
        *((key, archive, "backup.point_in_time archives to a bucket") for key in ARCHIVE),
        ("registry_password", bool(raw.get("registry")), "images come from a registry that wants a login"),
        ("sentry_dsn", application.get("sentry") is True, "application.sentry is on"),
    ):
        if needed and name not in present:
            remedy = f"run `pulumi config set --secret {name}` and paste the {SECRETS[name]}"
            yield Problem(name, NOTHING, f"is required, since {why}", remedy)
    if host.get("kind") == "hetzner" and "HCLOUD_TOKEN" not in present:
        yield Problem(
            "HCLOUD_TOKEN",
            NOTHING,
            "is required, since host.kind hetzner orders a server",
            "export a token of the project in Hetzner's console "
            f"(Security, API tokens, {permissions.HETZNER})",
        )
    if host.get("kind") in ("hetzner", "existing") and "CLOUDFLARE_API_TOKEN" not in present:
        edge = _mapping(raw, "edge")
        needed = permissions.of_cloudflare(tls.get("mode"), edge.get("zone_settings"))
        yield Problem(
            "CLOUDFLARE_API_TOKEN",
            NOTHING,
            "is required, since the names are served through Cloudflare",
            f"export a token for this zone (My Profile, API Tokens: {permissions.listed(needed)})",
        )


def masks(raw: Mapping[str, Any]) -> bool:
    """Whether masked rows leave or come."""
    backup = _mapping(raw, "backup")
    return bool(backup.get("masked") or _mapping(backup, "reset").get("masked"))


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
