"""The envelope of every answer, and pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rehearsal.cloud.errors import cloudflare_invalid
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record


def wrap(result: Any, status: int = 200, **more: Any) -> Response:
    """`{"result", "success": true, "errors": [], "messages": []}`."""
    return Response(status, {"result": result, "success": True, "errors": [], "messages": [], **more})


def page(request: Request, items: Sequence[Any], default: int = 100, maximum: int = 50000) -> Response:
    """One page of a list, with `result_info`."""
    number, per_page = _number(request, "page", 1), _number(request, "per_page", default)
    if per_page > maximum:
        raise cloudflare_invalid(1004, f"per_page must be at most {maximum}")
    chosen = items[(number - 1) * per_page : number * per_page]
    info = {
        "page": number,
        "per_page": per_page,
        "count": len(chosen),
        "total_count": len(items),
        "total_pages": math.ceil(len(items) / per_page),
    }
    return wrap(list(chosen), result_info=info)


def _number(request: Request, name: str, default: int) -> int:
    raw = request.first(name)
    if raw is None:
        return default
    if not raw.isdigit() or int(raw) < 1:
        raise cloudflare_invalid(1004, f"{name} must be a whole number greater than 0")
    return int(raw)


def body_of(request: Request) -> Record:
    """The body, which must be an object.

    Raises:
        CloudflareError: it is not.
    """
    if not isinstance(request.body, dict):
        raise cloudflare_invalid(9207, "Request body is invalid.")
    return request.body
