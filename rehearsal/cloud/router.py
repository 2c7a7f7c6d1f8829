"""Requests, answers, and which function answers which."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.cloud.records import Record

if TYPE_CHECKING:
    from rehearsal.cloud.cloud import Cloud


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
    """One answer; a `body` of None sends no content."""

    status: int
    body: Record | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[["Cloud", Request], Response]


class Routes:
    """A table of method and path to handler; `{name}` in a path matches one segment."""

    def __init__(self, *others: Routes) -> None:
        self._table: list[tuple[str, re.Pattern[str], Handler]] = [
            row for other in others for row in other._table
        ]

    def add(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Decorates the function that answers `method path`."""
        pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")

        def register(handler: Handler) -> Handler:
            self._table.append((method, pattern, handler))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Handler | None, Mapping[str, str], bool]:
        """The handler with the path's values; the last member says whether the path is known at all."""
        known = False
        for candidate, pattern, handler in self._table:
            match = pattern.match(path)
            if match:
                known = True
                if candidate == method:
                    return handler, match.groupdict(), True
        return None, {}, known
