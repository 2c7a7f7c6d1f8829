"""Requests and answers, as every part of the cloud sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal.cloud.records import Record


@dataclass(frozen=True)
class Request:
    """One request, parsed.

    `path` is as the client wrote it, with the API's prefix and without the query; `route` lacks the prefix.
    `body` is the JSON value, None where there was none.
    """

    method: str
    path: str
    route: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    params: Mapping[str, str] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """The first value of a query parameter; None if it is missing or empty."""
        return next((value for value in self.query.get(name, []) if value), None)

    def bearer(self) -> str | None:
        """The token of `Authorization: Bearer …`, None without such a header."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None


@dataclass(frozen=True)
class Response:
    """One answer; a `body` of None sends no content, unless there is `text`."""

    status: int
    body: Record | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
