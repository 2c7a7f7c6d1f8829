"""Credentials of image registries, and which of them belongs to an image reference."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rehearsal.plugins.docker.engine import Body, EngineError
from rehearsal.plugins.provider import ProviderError

_HUB = "registry-1.docker.io"
_HUB_NAMES = frozenset({_HUB, "index.docker.io", "docker.io", "registry.hub.docker.com"})


class Registries:
    """Credentials by registry host name."""

    def __init__(self, credentials: Mapping[str, Body] | None = None) -> None:
        self._credentials = dict(credentials or {})

    @classmethod
    def of(cls, entries: Iterable[Mapping[str, Any]]) -> Registries:
        """From the provider's `registryAuth`. Raises `ProviderError` for a file that cannot be read."""
        credentials: dict[str, Body] = {}
        for entry in entries:
            host = str(entry.get("address", "")).split("://", 1)[-1].split("/", 1)[0]
            credentials[host] = {"serveraddress": f"https://{host}", **_login(entry, host)}
        return cls(credentials)

    def login(self, image: str) -> Body | None:
        """The credentials to pull an image with."""
        host = registry_of(image)
        names = _HUB_NAMES if host in _HUB_NAMES else {host}
        return next((self._credentials[name] for name in sorted(names) if name in self._credentials), None)


def registry_of(image: str) -> str:
    """The registry's host name in an image reference; Docker Hub's if none is written."""
    first, slash, rest = image.partition("/")
    if slash and ("/" in rest or "." in first or ":" in first or first == "localhost"):
        return first
    return _HUB


def split_reference(image: str) -> tuple[str, str]:
    """A reference as the API wants it: repository, and digest, tag or `latest`, whichever is given first."""
    name, _, digest = image.partition("@")
    match = re.fullmatch(r"(?P<repository>.+?)(?::(?P<tag>[\w][\w.-]*))?", name)
    if match is None or not name:
        raise EngineError(400, "invalid reference format")
    return match["repository"], digest or match["tag"] or "latest"


def _login(entry: Mapping[str, Any], host: str) -> Body:
    if entry.get("authDisabled"):
        return {"username": "username", "password": "password"}
    if entry.get("username"):
        return {"username": entry["username"], "password": entry.get("password", "")}
    content = entry.get("configFileContent")
    if not content:
        path = Path(entry.get("configFile") or "~/.docker/config.json").expanduser()
        try:
            content = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ProviderError(
                f"could not open config file from filePath: {path}. Error: {error.strerror}"
            ) from None
    import docker.auth  # a third of a second that only this needs

    try:
        found = docker.auth.load_config(config_dict=json.loads(content)).resolve_authconfig(host) or {}
    except ValueError:
        raise ProviderError(f"Error parsing docker registry config json of {host}: it is no JSON") from None
    lower = {
        name.lower(): value for name, value in found.items()
    }  # a credential helper writes names in capitals
    return {name: lower.get(name, "") for name in ("username", "password")}
