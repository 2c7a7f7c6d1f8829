"""Plain requests to a provider's API."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TRIES = 3
PAUSE_SECONDS = 0.5
"""Before the second try; it doubles with the next."""
TIMEOUT_SECONDS = 5.0
NOTHING: Mapping[str, Any] = {}


class Unreachable(Exception):
    """No answer of the API's, or one that may pass: too many requests, an error of the server's."""


@dataclass(frozen=True)
class Answer:
    """An HTTP status below 500, and the body, a JSON object."""

    status: int
    body: Mapping[str, Any]

    @property
    def found(self) -> bool:
        """Whether the request succeeded."""
        return self.status < http.client.BAD_REQUEST

    @property
    def forbidden(self) -> bool:
        """Whether it was refused to the token that asked."""
        return self.status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN)


@dataclass(frozen=True)
class Api:
    """`provider` is its name for people; `endpoint` is without a slash at its end."""

    provider: str
    endpoint: str
    token: str

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        body: Mapping[str, Any] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
    ) -> Answer:
        """One request, tried again where that may help; a `body` goes with other methods than GET.

        Raises:
            Unreachable: there was no answer to be had.
        """
        failure = ""
        for number in range(TRIES):
            if number:
                time.sleep(PAUSE_SECONDS * 2 ** (number - 1))
            try:
                status, text = self._once(path, method, body, headers)
                said = json.loads(text)
            except (OSError, http.client.HTTPException, ValueError) as error:
                failure = str(error) or type(error).__name__
                continue
            if status != http.client.TOO_MANY_REQUESTS and status < 500 and isinstance(said, dict):
                return Answer(status, said)
            failure = f"HTTP {status}"
        raise Unreachable(f"{self.provider} cannot be asked ({failure})")

    def _once(
        self, path: str, method: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.endpoint + path,
            json.dumps(body).encode() if method != "GET" else None,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
