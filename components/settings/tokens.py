"""The form of tokens, keys and the passphrase: what cannot be one is refused before anyone is asked."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from components.settings.problem import NOT_SHOWN, Problem

HETZNER_CHARACTERS = 64
"""Exactly (hetznercloud/cli, `internal/cmd/context/create.go`)."""
CLOUDFLARE_CHARACTERS = 40
"""Of older ones; newer ones have a prefix before and a checksum behind them
(https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/)."""
PASSPHRASE_CHARACTERS = 24
_GLOBAL_KEY = re.compile(r"[0-9a-f]{37}|cfk_.*")
_PREFIX = re.compile(r"cf[ua]t_")


def malformed(tokens: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong with `tokens`, by the name of the variable or secret that holds them. None is shown."""
    for name, value in tokens.items():
        if wrong := _CHECKS.get(name, _cloudflare)(value):
            where = f"run `pulumi config set --secret {name}`" if name.islower() else f"export {name} again"
            made = name.endswith("_passphrase")
            source = (
                "make one by `openssl rand -base64 30`"
                if made
                else "copy the token whole from where it was issued"
            )
            yield Problem(name, NOT_SHOWN, wrong, f"{source}, and {where}")
    for key in ("access_key", "passphrase"):
        name, other = f"masked_{key}", f"offsite_{key}"
        if name in tokens and tokens[name] == tokens.get(other):
            yield Problem(
                name,
                NOT_SHOWN,
                f"is {other}, and whoever may read masked rows could read the copies of these",
                f"make another one, and run `pulumi config set --secret {name}`",
            )


def _hetzner(value: str) -> str | None:
    if wrong := _characters(value):
        return wrong
    if len(value) != HETZNER_CHARACTERS:
        return f"has {len(value)} characters, and a token of Hetzner's has {HETZNER_CHARACTERS}"
    return None


def _cloudflare(value: str) -> str | None:
    if wrong := _characters(value):
        return wrong
    if _GLOBAL_KEY.fullmatch(value):
        return "looks like the Global API Key, which is no token and may do everything"
    if value.startswith("v1.0-"):
        return "looks like the Origin CA Key, which is no token"
    least = CLOUDFLARE_CHARACTERS + (len("cfut_") + 1 if _PREFIX.match(value) else 0)
    if len(value) < least:
        return f"has {len(value)} characters, and a token of Cloudflare's has {least} or more"
    return None


def _bucket_key(value: str) -> str | None:
    if re.search(r"\s", value):
        return "has a space or a line break in it"
    return None


def _passphrase(value: str) -> str | None:
    if value != value.strip() or "\n" in value:
        return "begins or ends with a space, or is more than one line"
    if len(value) < PASSPHRASE_CHARACTERS:
        return (
            f"has {len(value)} characters, and must have {PASSPHRASE_CHARACTERS} or more: nothing else keeps "
            "the copies from whoever reads the bucket"
        )
    return None


def _url(value: str) -> str | None:
    """Whoever reads it on the way may write there."""
    if re.search(r"\s", value):
        return "has a space or a line break in it"
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("https", "http") or not host:
        return "is no URL: it begins with https:// and a host"
    if parts.scheme == "http" and not _private(host):
        return "goes through the internet in the clear: it begins with http://"
    return None


def _private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _line(value: str) -> str | None:
    return (
        "begins or ends with a space, or is more than one line"
        if value != value.strip() or "\n" in value
        else None
    )


def _characters(value: str) -> str | None:
    """Whatever is no letter, digit, `_`, `-` or `.` came along when it was copied."""
    if value != value.strip():
        return "begins or ends with a space or a line break"
    if value.startswith(("'", '"')):
        return "is in quotes, which belong to the shell and not to the token"
    if strange := re.search(r"[^A-Za-z0-9_.-]", value):
        return f"has the character {strange[0]!r}, which is in no token"
    return None


_CHECKS = {
    "HCLOUD_TOKEN": _hetzner,
    "offsite_access_key": _bucket_key,
    "offsite_secret_key": _bucket_key,
    "offsite_passphrase": _passphrase,
    "archive_access_key": _bucket_key,
    "archive_secret_key": _bucket_key,
    "archive_passphrase": _passphrase,
    "masked_access_key": _bucket_key,
    "masked_secret_key": _bucket_key,
    "masked_passphrase": _passphrase,
    "slack_webhook": _url,
    "smtp_password": _line,
    "heartbeat_url": _url,
}
"""Cloudflare's for all others."""
