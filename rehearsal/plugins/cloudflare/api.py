"""The Cloudflare API as cloudflare-go speaks it: what is tried again, and what an error says."""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rehearsal.plugins.provider import ProviderError, wait
from rehearsal.plugins.rest import NO_HEADERS, Answer, Dropped, Rest

_RETRIES = 2
_RETRIED_STATUS = frozenset({408, 409, 429})
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 8.0
_LONGEST_WISH_SECONDS = 60.0


class ApiError(ProviderError):
    """An answer with an error's status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """A client: every answer's `result`."""

    def __init__(self, rest: Rest, root: str) -> None:
        self._rest = rest
        self._root = root.rstrip("/")

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> Any:
        """Raises `ApiError`, or `ProviderError` when the connection fails, after two more tries where they
        may help."""
        for retry in range(_RETRIES + 1):
            answer: Answer | None = None
            try:
                answer = self._rest.send(method, path, body, headers)
                if answer.status < HTTPStatus.BAD_REQUEST:
                    return (answer.body or {}).get("result")
                error: ProviderError = self._error(method, path, answer)
            except Dropped as dropped:
                error = ProviderError(f"failed to make http request: {dropped}")
            if retry == _RETRIES or not _again(answer):
                raise error
            wait(_pause(retry, answer))
        raise AssertionError("unreachable")

    def _error(self, method: str, path: str, answer: Answer) -> ApiError:
        reason = http.client.responses.get(answer.status, "")
        detail = json.dumps(answer.body) if answer.body is not None else ""
        return ApiError(
            f'failed to make http request: {method} "{self._root}{path}": {answer.status} {reason} {detail}',
            answer.status,
        )


def _again(answer: Answer | None) -> bool:
    if answer is None:
        return True
    wish = answer.headers.get("x-should-retry")
    if wish in ("true", "false"):
        return wish == "true"
    return answer.status in _RETRIED_STATUS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _pause(retry: int, answer: Answer | None) -> float:
    try:
        wish = float(answer.headers.get("retry-after", "")) if answer is not None else -1.0
    except ValueError:
        wish = -1.0
    if 0 <= wish < _LONGEST_WISH_SECONDS:
        return wish
    pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0**retry)
    return pause - random.random() * pause / 4  # noqa: S311 - spreads load, guards nothing
