"""Which function answers which request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.messages import Request, Response

Handler = Callable[[Cloud, Request], Response]


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
