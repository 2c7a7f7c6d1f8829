"""Lists: filter, sort, page, and the links that lead on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from rehearsal.cloud.errors import invalid
from rehearsal.cloud.hetzner.labels import selects
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record

DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 50


def _positive(request: Request, name: str, default: int, maximum: int | None = None) -> int:
    raw = request.first(name)
    if raw is None:
        return default
    if not raw.isdigit() or int(raw) < 1:
        raise invalid(name, "must be an integer greater than 0")
    if maximum is not None and int(raw) > maximum:
        raise invalid(name, f"must be at most {maximum}")
    return int(raw)


def _sorted(request: Request, items: list[Record], allowed: Sequence[str]) -> list[Record]:
    # The last criterion is applied first, since sorting is stable.
    for criterion in reversed([value for value in request.query.get("sort", []) if value]):
        name, _, direction = criterion.partition(":")
        if name not in allowed or direction not in ("", "asc", "desc"):
            raise invalid("sort", f"'{criterion}' is not one of {', '.join(allowed)} with :asc or :desc")
        items = sorted(items, key=lambda item: item[name], reverse=direction == "desc")
    return items


def listing(
    request: Request,
    key: str,
    items: Sequence[Record],
    *,
    show: Callable[[Record], Record] = lambda item: item,
    sort: Sequence[str] = ("id", "name", "created"),
    filters: Sequence[str] = ("name",),
) -> Response:
    """Answers `GET /<key>`.

    Args:
        request: its query may have the filters, `label_selector`, `sort`, `page`, `per_page`.
        key: the body's key for the list.
        items: all there are, as stored.
        show: turns a stored object into what is sent; only those of the page are.
        sort: fields that may be sorted by.
        filters: fields that may be filtered by, each with one or more values.
    """
    chosen = list(items)
    for name in filters:
        wanted = [value for value in request.query.get(name, []) if value]
        if wanted:
            chosen = [item for item in chosen if str(item[name]) in wanted]
    selector = request.first("label_selector")
    if selector:
        selects(selector, {})
        chosen = [item for item in chosen if selects(selector, item["labels"])]
    chosen = _sorted(request, chosen, sort)
    page = _positive(request, "page", 1)
    per_page = _positive(request, "per_page", DEFAULT_PER_PAGE, MAX_PER_PAGE)
    last = max(1, math.ceil(len(chosen) / per_page))
    pagination = {
        "page": page,
        "per_page": per_page,
        "previous_page": page - 1 if page > 1 else None,
        "next_page": page + 1 if page < last else None,
        "last_page": last,
        "total_entries": len(chosen),
    }
    start = (page - 1) * per_page
    return Response(
        200,
        {key: [show(item) for item in chosen[start : start + per_page]], "meta": {"pagination": pagination}},
        {"Link": _links(request, pagination)} if last > 1 else {},
    )


def _links(request: Request, pagination: Record) -> str:
    host = request.headers.get("Host", "127.0.0.1")
    rest: list[tuple[str, Any]] = [
        (name, value)
        for name, values in request.query.items()
        if name not in ("page", "per_page")
        for value in values
    ]

    def link(number: int) -> str:
        query = urlencode([*rest, ("page", number), ("per_page", pagination["per_page"])])
        return f"<http://{host}{request.path}?{query}>"

    return ", ".join(
        f'{link(number)}; rel="{relation}"'
        for relation, number in (
            ("prev", pagination["previous_page"]),
            ("next", pagination["next_page"]),
            ("last", pagination["last_page"]),
        )
        if number is not None
    )
