"""The API as a whole: its routes, who may ask, and how it refuses."""

from __future__ import annotations

import secrets

from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.errors import HETZNER_STATUS, HetznerError
from rehearsal.cloud.faults import Fault
from rehearsal.cloud.hetzner import (
    absent,
    actions,
    firewalls,
    power,
    pricing,
    primary_ips,
    products,
    servers,
    ssh_keys,
    volumes,
)
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.ratelimit import HetznerLimit
from rehearsal.cloud.records import Record
from rehearsal.cloud.router import Routes
from rehearsal.cloud.tokens import Tokens

_CODE_OF_STATUS = {
    **{status: code for code, status in reversed(HETZNER_STATUS.items())},
    409: "conflict",
    422: "invalid_input",
    423: "locked",
}


class HetznerApi:
    """Everything under `/v1`."""

    prefixes = ("/v1",)
    routes = Routes(
        actions.routes,
        ssh_keys.routes,
        primary_ips.routes,
        firewalls.routes,
        servers.routes,
        power.routes,
        volumes.routes,
        products.routes,
        pricing.routes,
        absent.routes,
    )

    def __init__(self, token: str, rate_limit: int, tokens: Tokens) -> None:
        self._token = token
        self._tokens = tokens
        self.limit = HetznerLimit(rate_limit)

    def authenticate(self, request: Request) -> None:
        """Wants the token as Bearer.

        Raises:
            HetznerError: unauthorized, or token_readonly for what is not to be read.
        """
        given = request.bearer() or ""
        if secrets.compare_digest(given.encode(), self._token.encode()):
            return
        token = self._tokens.find(given, "hetzner")
        if token is None or token["status"] != "active":
            raise HetznerError("unauthorized", "the provided token is invalid or does not exist")
        if request.method != "GET" and "write" not in token["permissions"]:
            raise HetznerError("token_readonly", "token is only allowed to perform GET requests")

    def fault(self, fault: Fault) -> HetznerError:
        """The refusal that an injected fault asks for."""
        status = fault.status or 500
        code = str(fault.code or _CODE_OF_STATUS.get(status, "server_error"))
        headers = self.limit.headers(0) if status == 429 else {}
        if fault.retry_after is not None:
            headers["Retry-After"] = f"{fault.retry_after:g}"
        return HetznerError(code, fault.message or f"injected: {code}", status=status, headers=headers)

    def bad_json(self) -> HetznerError:
        """The body is not JSON."""
        return HetznerError("json_error", "invalid JSON in request body")

    def no_route(self, request: Request) -> HetznerError:
        """Nothing is there."""
        return HetznerError("not_found", f"{request.path} is not part of the embedded cloud's Hetzner API")

    def wrong_method(self, request: Request) -> HetznerError:
        """Something is there, but not for this method; an action has the route of an id of one."""
        if "/actions/" in request.route:
            return self.no_route(request)
        return HetznerError("method_not_allowed", f"{request.method} is not allowed on {request.path}")

    def crashed(self, message: str) -> HetznerError:
        """A bug here, or a state that cannot be."""
        return HetznerError("server_error", message)

    def headers(self) -> Record:
        """On every answer."""
        return {"X-Correlation-Id": secrets.token_hex(8)}

    def finish(self, cloud: Cloud, response: Response) -> Response:
        """Actions that ended within the request are shown as they are now."""
        if cloud.actions.seconds or cloud.machines.boots or response.body is None:
            return response

        def fresh(value: Record) -> Record:
            action = cloud.actions.get(value["id"])
            return actions.show(action) if action else value

        body = dict(response.body)
        if body.get("action"):
            body["action"] = fresh(body["action"])
        for key in ("actions", "next_actions"):
            if key in body:
                body[key] = [fresh(value) for value in body[key]]
        return Response(response.status, body, response.headers)
