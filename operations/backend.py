"""Where the engine keeps the state, as it finds that out itself, and what that asks of the environment.

Source of the order: `GetCurrentCloudURL` in pulumi's `pkg/workspace/creds.go`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

CLOUD = "https://api.pulumi.com"
BUCKETS = ("s3://", "gs://", "azblob://")
_PACKING = tuple(
    f"PULUMI_{name}_{how}" for name in ("DIY_BACKEND", "SELF_MANAGED_STATE") for how in ("GZIP", "ZSTD")
)
"""sdk/go/common/env/env.go, 3.274.1. Both at once are refused."""


def missing(root: Path, stack_file: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[str]:
    """`NAME: what` for each variable that the state of the stack needs and that is not there."""
    stored = _stored(environment)
    url = _url(root, stored, environment)
    if url is None:
        yield "PULUMI_BACKEND_URL: where the state is kept (file://…, s3://…), unless you `pulumi login`"
        return
    managed = url.startswith(("https://", "http://"))
    if managed and not (environment.get("PULUMI_ACCESS_TOKEN") or _logged_in(stored, url)):
        yield f"PULUMI_ACCESS_TOKEN: a token of {url}, unless you `pulumi login {url}`"
    if _by_passphrase(stack_file, managed) and not (
        environment.get("PULUMI_CONFIG_PASSPHRASE") or environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    ):
        yield "PULUMI_CONFIG_PASSPHRASE: what the stack's secrets are encrypted with"


def tuned(root: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment`, in which the engine keeps the state of the project in `root` as is best where it does.

    In a folder: so that it survives a killed engine. Beside each file of a `file://` backend that writes
    its attributes, which it never needs, to a file of their own, and not atomically: one that is left empty
    makes the state unreadable ("failed to load checkpoint: EOF"). `metadata=skip` leaves it out
    (pkg.go.dev/gocloud.dev/blob/fileblob).

    In a bucket: packed, unless the environment says otherwise. Of each resource that an up makes the whole
    state is sent there twice; what was not packed yet the engine reads as well, and without the variable
    what is (`saveCheckpoint` and `stackPath` in pkg/v3/backend/diy/state.go, 3.274.1).
    """
    known = {**os.environ, **environment}
    url = _url(root, _stored(known), known) or ""
    if url.startswith("file://") and "metadata=" not in url:
        return {**environment, "PULUMI_BACKEND_URL": f"{url}{'&' if '?' in url else '?'}metadata=skip"}
    if url.startswith(BUCKETS) and not any(name in known for name in _PACKING):
        return {**environment, "PULUMI_DIY_BACKEND_GZIP": "true"}
    return dict(environment)


def remedy(root: Path, environment: Mapping[str, str]) -> str:
    """Where to look when the state cannot be read."""
    parts = urlsplit(_url(root, _stored(environment), environment) or "")
    if not parts.scheme:
        return "PULUMI_BACKEND_URL says where it is (.env.template), or `pulumi login`"
    # Without a name and a password, which a database's URL has.
    said = f"it is looked for at {parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme == "s3":
        said += ", which AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY open"
    return f"{said}: PULUMI_BACKEND_URL (.env.template has how each kind is written), or `pulumi login`"


def _by_passphrase(stack_file: Mapping[str, Any], managed: bool) -> bool:
    """Pulumi Cloud has keys of its own; any other backend takes the passphrase, unless told otherwise."""
    provider = stack_file.get("secretsprovider")
    if provider is not None:
        return bool(provider == "passphrase")
    return "encryptionsalt" in stack_file or not managed


def _url(root: Path, stored: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    project: Any = {}
    with suppress(OSError, yaml.YAMLError):
        project = yaml.safe_load((root / "Pulumi.yaml").read_text())
    named = (project.get("backend") or {}).get("url") if isinstance(project, dict) else None
    url = environment.get("PULUMI_BACKEND_URL") or named or stored.get("current")
    if not url and environment.get("PULUMI_ACCESS_TOKEN"):
        return CLOUD
    return str(url) if url else None


def _logged_in(stored: Mapping[str, Any], url: str) -> bool:
    account = (stored.get("accounts") or {}).get(url) or {}
    return bool(account.get("accessToken") or (stored.get("accessTokens") or {}).get(url))


def _stored(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """What `pulumi login` has written."""
    home = environment.get("PULUMI_HOME") or str(Path.home() / ".pulumi")
    folder = environment.get("PULUMI_CREDENTIALS_PATH") or home
    with suppress(OSError, ValueError):
        found = json.loads((Path(folder) / "credentials.json").read_text())
        if isinstance(found, dict):
            return found
    return {}
