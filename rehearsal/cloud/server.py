"""HTTP on loopback: reads a request, lets faults and limits speak, answers, writes the log."""

from __future__ import annotations

import json
import secrets
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from rehearsal.cloud import control
from rehearsal.cloud.cloud import Cloud
from rehearsal.cloud.cloudflare.api import CloudflareApi
from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.faults import Fault, FaultError
from rehearsal.cloud.hetzner.api import HetznerApi
from rehearsal.cloud.messages import Request, Response
from rehearsal.cloud.records import Record
from rehearsal.cloud.router import Routes

MAX_BODY = 1024 * 1024
TRACE = "/cdn-cgi/trace"
"""Where Cloudflare tells a caller its own address."""


class DroppedError(Exception):
    """A fault wants the connection closed without an answer."""


class Limit(Protocol):
    """Counts requests."""

    def take(self) -> dict[str, str]:
        """Spends one; the headers to send."""


class Api(Protocol):
    """One of the two APIs: see `hetzner/api.py` and `cloudflare/api.py`."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What its paths begin with."""

    @property
    def routes(self) -> Routes:
        """What it answers."""

    @property
    def limit(self) -> Limit:
        """Its rate limit."""

    def authenticate(self, request: Request) -> None:
        """Refuses a bad token."""

    def fault(self, fault: Fault) -> ApiError:
        """An injected refusal."""

    def bad_json(self) -> ApiError:
        """A body that is no JSON."""

    def no_route(self, request: Request) -> ApiError:
        """A path that is nothing."""

    def wrong_method(self, request: Request) -> ApiError:
        """A path that does not know the method."""

    def crashed(self, message: str) -> ApiError:
        """Our own failure."""

    def headers(self) -> Record:
        """Headers of every answer."""

    def finish(self, cloud: Cloud, response: Response) -> Response:
        """A last look at an answer whose effects have taken place."""


class CloudServer(ThreadingHTTPServer):
    """Serves one cloud on 127.0.0.1; a thread per connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, cloud: Cloud, token: str, port: int = 0, *, rate_limit: int = 3600, cloudflare_limit: int = 1200
    ):
        """Binds; `serve_forever` serves. A limit of 0 never refuses."""
        self.cloud = cloud
        self.token = token
        self.apis: tuple[Api, ...] = (
            HetznerApi(token, rate_limit, cloud.tokens),
            CloudflareApi(token, cloudflare_limit, cloud.tokens),
        )
        self.control = Routes(control.routes, control.shutdown_route(self.shutdown))
        super().__init__(("127.0.0.1", port), RequestHandler)

    def server_bind(self) -> None:
        """Binds without asking a name server who 127.0.0.1 is, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Response:
        """One request, answered.

        Raises:
            DroppedError: a fault wants no answer.
        """
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        for api in self.apis:
            for prefix in api.prefixes:
                if parts.path.startswith(prefix + "/"):
                    route = parts.path.removeprefix(prefix).rstrip("/")
                    return self._api(api, Request(method, parts.path, route, query, headers), target, raw)
        if parts.path == TRACE:
            return Response(200, text="ip=127.0.0.1\n")
        if parts.path.startswith(control.PREFIX + "/"):
            route = parts.path.removeprefix(control.PREFIX)
            return self._control(Request(method, parts.path, route, query, headers), raw)
        prefixes = ", ".join(prefix for api in self.apis for prefix in api.prefixes)
        return _refusal(ApiError(404, f"{parts.path}: nothing is here; the APIs are under {prefixes}"))

    def _api(self, api: Api, request: Request, target: str, raw: bytes) -> Response:
        status: int | None = None
        body: Any = None
        headers: Record = api.headers()
        try:
            try:
                headers.update(api.limit.take())
                api.authenticate(request)
                body = _json(raw, api.bad_json())
                response = self._handle(api, request, body)
            except ApiError as error:
                response = _refusal(error)
            except FaultError as error:
                response = _refusal(api.crashed(str(error)))
            except DroppedError:
                raise
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                response = _refusal(api.crashed(f"{type(error).__name__}: {error}"))
            status = response.status
            return Response(status, response.body, {**headers, **response.headers})
        finally:
            self.cloud.audit.write(request.method, target, body, status)

    def _handle(self, api: Api, request: Request, body: Any) -> Response:
        cloud, method, path = self.cloud, request.method, request.path
        late = cloud.faults.take("latency", method, path)
        if late and late.seconds:
            time.sleep(late.seconds)
        if cloud.faults.take("dropped_connection", method, path, when="before"):
            raise DroppedError
        fault = cloud.faults.take("status", method, path)
        if fault:
            raise api.fault(fault)
        handler, params, known = api.routes.find(method, request.route)
        if handler is None:
            raise api.wrong_method(request) if known else api.no_route(request)
        full = Request(method, path, request.route, request.query, request.headers, body, params)
        with cloud.store.transaction():
            response = handler(cloud, full)
        response = api.finish(cloud, response)
        if cloud.faults.take("dropped_connection", method, path, when="after"):
            raise DroppedError
        return response

    def _control(self, request: Request, raw: bytes) -> Response:
        if not secrets.compare_digest((request.bearer() or "").encode(), self.token.encode()):
            return _refusal(ApiError(401, "Authorization: the cloud's token is wanted, as Bearer"))
        handler, params, known = self.control.find(request.method, request.route)
        if handler is None:
            text = f"{request.method} {request.path}: no such control"
            return _refusal(ApiError(405 if known else 404, text))
        try:
            body = _json(raw, ApiError(400, "the body is not JSON"))
            return handler(
                self.cloud,
                Request(
                    request.method, request.path, request.route, request.query, request.headers, body, params
                ),
            )
        except ApiError as error:
            return _refusal(error)
        except FaultError as error:
            return _refusal(ApiError(500, str(error)))


def _json(raw: bytes, refusal: ApiError) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        raise refusal from None


def _refusal(error: ApiError) -> Response:
    return Response(error.status, error.body(), error.headers)


class RequestHandler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    server_version = "rehearsal"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: CloudServer

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self._send(_refusal(ApiError(413, f"Content-Length: {length} is not at most {MAX_BODY} bytes")))
            return
        raw = self.rfile.read(int(length))
        try:
            response = self.server.answer(self.command, self.path, self.headers, raw)  # type: ignore[arg-type]
        except DroppedError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(response)

    def _send(self, response: Response) -> None:
        content = (
            (response.text or "").encode() if response.body is None else json.dumps(response.body).encode()
        )
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.body is not None:
            self.send_header("Content-Type", "application/json")
        if response.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    # The base class looks these up by name.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: requests.jsonl is the log."""
