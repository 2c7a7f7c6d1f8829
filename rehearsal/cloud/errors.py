"""What the APIs answer when they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rehearsal.cloud.records import Record


class ApiError(Exception):
    """A refusal: an HTTP status, a body in the shape of its API, perhaps headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    def body(self) -> Record:
        """The JSON that the client reads."""
        return {"error": self.message}


# https://docs.hetzner.cloud/reference/cloud, "Error Codes". The codes of single operations are stated there
# with each operation, as 422 where a status is given at all.
HETZNER_STATUS = {
    "json_error": 400,
    "unauthorized": 401,
    "token_readonly": 401,
    "forbidden": 403,
    "maintenance": 403,
    "resource_limit_exceeded": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "uniqueness_error": 409,
    "conflict": 409,
    "deprecated_api_endpoint": 410,
    "resource_unavailable": 412,
    "invalid_input": 422,
    "service_error": 422,
    "unsupported_error": 422,
    "locked": 423,
    "protected": 423,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "timeout": 504,
}


class HetznerError(ApiError):
    """`{"error": {"code", "message", "details"}}`; operation-specific codes are 422."""

    def __init__(
        self,
        code: str,
        message: str,
        details: Record | None = None,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status or HETZNER_STATUS.get(code, 422), message, headers)
        self.code = code
        self.details = details

    def body(self) -> Record:
        """The JSON that the client reads."""
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


def invalid(field: str, problem: str) -> HetznerError:
    """A field that does not pass, in the words of Hetzner: `invalid input in field 'name': is too long`."""
    return HetznerError(
        "invalid_input",
        f"invalid input in field '{field}': {problem}",
        {"fields": [{"name": field, "messages": [problem]}]},
    )


def not_unique(field: str, message: str) -> HetznerError:
    """A value that another object already has."""
    return HetznerError("uniqueness_error", message, {"fields": [{"name": field}]})


def not_found(kind: str, wanted: object) -> HetznerError:
    """An object that is not there."""
    return HetznerError("not_found", f"{kind} with ID '{wanted}' not found")


class CloudflareError(ApiError):
    """`{"success": false, "errors": [{"code", "message"}], "messages": [], "result": null}`."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        chain: Mapping[int, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.code = code
        self.chain = dict(chain or {})

    def body(self) -> Record:
        """The JSON that the client reads."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.chain:
            error["error_chain"] = [{"code": code, "message": text} for code, text in self.chain.items()]
        return {"result": None, "success": False, "errors": [error], "messages": []}


def cloudflare_invalid(code: int, message: str) -> CloudflareError:
    """A request that does not pass validation."""
    return CloudflareError(HTTPStatus.BAD_REQUEST, code, message)
