"""JSON over HTTP to a rehearsed cloud, which listens on loopback."""

from __future__ import annotations

import http.client
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rehearsal.plugins.provider import ProviderError

_TIMEOUT_SECONDS = 60
NO_HEADERS: Mapping[str, str] = {}


class Dropped(Exception):
    """The connection failed or ended before there was an answer; `timed_out` if only time ran out."""

    def __init__(self, message: str, *, timed_out: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out


@dataclass(frozen=True)
class Answer:
    """A response: its status, headers in lower case, and its JSON (`None` where there is none)."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Rest:
    """A client of one API. Raises `ProviderError` for an address that is not on loopback: a stand-in is for
    rehearsals, where a typing mistake must not reach a real account."""

    def __init__(self, plugin: str, endpoint: str, token: str, remedy: str) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
            raise ProviderError(
                f"the stand-in plugin {plugin} only talks to a rehearsed cloud on loopback, "
                f"not to {endpoint}: {remedy}"
            )
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._root = f"http://{parts.netloc}"
        self._base = parts.path.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "User-Agent": f"jira-plus-plus-rehearsal ({plugin})",
        }

    def send(self, method: str, path: str, body: Any = None, more: Mapping[str, str] = NO_HEADERS) -> Answer:
        """One request, once, with `more` headers. Raises `Dropped`."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)
        headers = {**self._headers, **more}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, self._base + path, payload, headers)
            response = connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            reason = "EOF" if isinstance(error, http.client.RemoteDisconnected) else str(error)
            raise Dropped(
                f'{method.capitalize()} "{self._root}{self._base}{path}": {reason}',
                timed_out=isinstance(error, TimeoutError),
            ) from error
        finally:
            connection.close()
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, _json(raw)
        )


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
