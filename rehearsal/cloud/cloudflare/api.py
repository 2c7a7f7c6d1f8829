"""The API as a whole: its routes, who may ask, and how it refuses."""

from __future__ import annotations

import secrets

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare import (
    account,
    account_tokens,
    certificates,
    dns,
    origin_pulls,
    permissions,
    r2,
    rulesets,
    settings,
    zones,
)
from rehearsal.cloud.errors import CloudflareError
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.ratelimit import CloudflareLimit, throttled
from rehearsal.cloud.records import Record
from rehearsal.cloud.router import Routes
from rehearsal.cloud.tokens import Tokens


class CloudflareApi:
    """Everything under `/cf`, and under `/client/v4` as at Cloudflare."""

    prefixes = ("/cf", "/client/v4")
    routes = Routes(
        zones.routes,
        settings.routes,
        dns.routes,
        certificates.routes,
        origin_pulls.routes,
        rulesets.routes,
        account.routes,
        account_tokens.routes,
        r2.routes,
    )

    def __init__(self, token: str, rate_limit: int, tokens: Tokens) -> None:
        self._token = token
        self._tokens = tokens
        self.limit = CloudflareLimit(rate_limit)

    def authenticate(self, request: Request) -> None:
        """Wants the token as Bearer; the list of addresses is public.

        Raises:
            CloudflareError: no token, a malformed header, a wrong token, one that lacks a permission.
        """
        if request.route == "/ips":
            return
        if "Authorization" not in request.headers:
            raise CloudflareError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
        token = request.bearer()
        if token is None:
            raise CloudflareError(
                400, 6003, "Invalid request headers", chain={6111: "Invalid format for Authorization header"}
            )
        if secrets.compare_digest(token.encode(), self._token.encode()):
            return
        known = self._tokens.find(token, "cloudflare")
        if request.route == "/user/tokens/verify":
            if known is None:
                raise CloudflareError(401, 1000, "Invalid API Token")
            return
        if known is None or known["status"] != "active":
            raise CloudflareError(403, 9109, "Invalid access token")
        if not permissions.may(known, request):
            if request.route.startswith("/zones") and request.route.count("/") <= 2:
                raise CloudflareError(403, 9109, "Unauthorized to access requested resource")
            raise CloudflareError(403, 10000, "Authentication error")

    def fault(self, fault: Fault) -> CloudflareError:
        """The refusal that an injected fault asks for."""
        status = fault.status or 500
        code = fault.code if isinstance(fault.code, int) else None
        if status == 429:
            error = throttled(1)
            if code is not None:
                error.code = code
        else:
            error = CloudflareError(
                status, code or 10000 + status, fault.message or f"injected: HTTP {status}"
            )
        if fault.retry_after is not None:
            error.headers["Retry-After"] = f"{fault.retry_after:g}"
        return error

    def bad_json(self) -> CloudflareError:
        """The body is not JSON."""
        return CloudflareError(400, 9207, "Request body is invalid.")

    def no_route(self, request: Request) -> CloudflareError:
        """Nothing is there."""
        return CloudflareError(404, 7000, f"No route for that URI: {request.route}")

    def wrong_method(self, request: Request) -> CloudflareError:
        """Something is there, but not for this method."""
        return CloudflareError(
            405, 10405, f"Method {request.method} not allowed for this authentication scheme"
        )

    def crashed(self, message: str) -> CloudflareError:
        """A bug here, or a state that cannot be."""
        return CloudflareError(500, 10001, message)

    def headers(self) -> Record:
        """On every answer."""
        return {"CF-Ray": secrets.token_hex(8) + "-FRA"}

    def finish(self, _cloud: Cloud, response: Response) -> Response:
        """Nothing changes after the fact here."""
        return response
