"""Where the engine keeps the state, as it finds that out itself, and what that asks of the environment.

Source of the order: `GetCurrentCloudURL` in pulumi's `pkg/workspace/creds.go`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

CLOUD = "https://api.pulumi.com"


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
