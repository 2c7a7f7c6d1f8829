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
    "slack_webhook": "URL of the incoming webhook that Slack has made for the channel (notifications.slack)",
    "smtp_password": "password of notifications.email.username",
    "heartbeat_url": (
        "URL that a dead man's switch, e.g. of Healthchecks, expects a call on every 5 minutes"
    ),
    "otlp_headers": (
        "headers for application.otlp_endpoint, as OpenTelemetry writes them: NAME=VALUE, more after a "
        "comma; only where the receiver wants one"
    ),
    "registry_password": "password of registry.username (it needs to pull only)",
    "sentry_dsn": "DSN of the Sentry project",
    "ssh_private_key": "private key that host.ssh.user of a host of kind existing lets in",
}
"""Keys that are never in the tree: `secret` reads them. Value: what it is."""

AGED = tuple(
    name
    for name in SECRETS
    if not name.endswith("passphrase") and name not in ("sentry_dsn", "ssh_private_key")
)
"""Those that another may take the place of at any time, so that one tells how old they are.

What is in a bucket is encrypted with its passphrase; a DSN lets nobody read; a login's key is its owner's.
"""
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
        "CLOUDFLARE_API_TOKEN": kind in ("hetzner", "existing") or bool(_mapping(raw, "backup").get("r2")),
        "acme_dns_token": mode == "dns-01",
        **dict.fromkeys(given(raw, OFFSITE, ("offsite",)), True),
        **dict.fromkeys(given(raw, MASKED, ("masked", "reset.masked")), True),
        **dict.fromkeys(given(raw, ARCHIVE, ("point_in_time",)), True),
        **dict.fromkeys(told(raw), True),
    }
    return {name: present[name] for name, is_needed in needed.items() if is_needed and name in present}


def missing(raw: Mapping[str, Any], present: Collection[str]) -> Iterator[Problem]:
    """What the settings in `raw`, checked or not, need and do not have.

    `present` are the secrets that are set, and `HCLOUD_TOKEN` and `CLOUDFLARE_API_TOKEN`.
    """
    host, tls, application = (_mapping(raw, name) for name in ("host", "tls", "application"))
    offsite, archive = given(raw, OFFSITE, ("offsite",)), given(raw, ARCHIVE, ("point_in_time",))
    masked = given(raw, MASKED, ("masked", "reset.masked"))
    notified = told(raw)
    for name, needed, why in (
        ("acme_dns_token", tls.get("mode") == "dns-01", "tls.mode dns-01 proves the names by DNS"),
        *((key, True, "backup.offsite copies the dumps to a bucket") for key in offsite),
        *((key, True, "backup.masked or backup.reset.masked names a bucket") for key in masked),
        *((key, True, "backup.point_in_time archives to a bucket") for key in archive),
        *((key, True, why) for key, why in notified.items()),
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
    served, r2 = host.get("kind") in ("hetzner", "existing"), bool(_mapping(raw, "backup").get("r2"))
    if (served or r2) and "CLOUDFLARE_API_TOKEN" not in present:
        of_zone = permissions.of_cloudflare(tls.get("mode"), _mapping(raw, "edge").get("zone_settings"))
        needed = (*(of_zone if served else ()), *(permissions.R2 if r2 else ()))
        why = "the names are served through Cloudflare" if served else "backup.r2 has buckets made"
        where = "this zone" if served and not r2 else "this zone and account" if served else "this account"
        yield Problem(
            "CLOUDFLARE_API_TOKEN",
            NOTHING,
            f"is required, since {why}",
            f"export a token for {where} (My Profile, API Tokens: {permissions.listed(needed)})",
        )


def given(raw: Mapping[str, Any], keys: tuple[str, ...], paths: Collection[str]) -> tuple[str, ...]:
    """Which of a bucket's `keys` a human gives, where one of `paths` under `backup` names the bucket.

    Of a bucket without an endpoint the program makes the keys, and the passphrase is all there is to give.
    """
    backup = _mapping(raw, "backup")
    buckets = [bucket for path in paths if (bucket := _at(backup, path))]
    if not buckets:
        return ()
    made = bool(backup.get("r2")) and all(isinstance(b, dict) and not b.get("endpoint") for b in buckets)
    return keys[-1:] if made else keys


def _at(mapping: Mapping[str, Any], path: str) -> Any:
    """What is at a dotted path; None: nothing."""
    *above, last = path.split(".")
    for name in above:
        mapping = _mapping(mapping, name)
    return mapping.get(last)


def told(raw: Mapping[str, Any]) -> dict[str, str]:
    """The secrets by which somebody is told, and why each is needed."""
    notifications = _mapping(raw, "notifications")
    needed = {
        "slack_webhook": (notifications.get("slack") is True, "notifications.slack is on"),
        "smtp_password": (
            bool(_mapping(notifications, "email").get("username")),
            "notifications.email.username logs in to the mail server",
        ),
        "heartbeat_url": (notifications.get("heartbeat") is True, "notifications.heartbeat is on"),
    }
    return {name: why for name, (wanted, why) in needed.items() if wanted}


def masks(raw: Mapping[str, Any]) -> bool:
    """Whether masked rows leave or come."""
    backup = _mapping(raw, "backup")
    return bool(backup.get("masked") or _mapping(backup, "reset").get("masked"))


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
