"""What errors and traces are sent to: it parses what it gets, as Sentry and OpenTelemetry do."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "0123456789abcdef0123456789abcdef"
PROJECT = "42"


@dataclass
class Received:
    """What has come; `port` is the receiver's own."""

    port: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    spans: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """Each with the attributes of what it is of."""
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of what came with spans; names in lower case."""

    @property
    def dsn(self) -> str:
        """As Sentry shows it in a project's settings."""
        return f"http://{KEY}@127.0.0.1:{self.port}/{PROJECT}"

    def await_(self, what: list[Any], count: int = 1, seconds: float = 20) -> list[Any]:
        """`what`, once it has so many."""
        end = time.monotonic() + seconds
        while len(what) < count:
            assert time.monotonic() < end, f"{len(what)} of {count} came within {seconds:.0f} s"
            time.sleep(0.05)
        return what


def envelope(body: bytes) -> tuple[dict[str, Any], list[tuple[dict[str, Any], bytes]]]:
    """Its headers, and its items, each headers and payload.

    https://develop.sentry.dev/sdk/data-model/envelopes/: a line of JSON, then for each item a line of JSON
    and the payload, which is as long as `length` says, or else ends with the line.

    Raises:
        ValueError: it is none.
    """
    first, _, rest = body.partition(b"\n")
    headers, items = json.loads(first), []
    while rest.strip(b"\n"):
        line, _, rest = rest.partition(b"\n")
        item = json.loads(line)
        if "type" not in item:
            raise ValueError(f"an item without a type: {item}")
        if "length" in item:
            payload, rest = rest[: item["length"]], rest[item["length"] :]
            if len(payload) < item["length"] or rest[:1] not in (b"", b"\n"):
                raise ValueError(f"an item is not as long as it says: {item}")
            rest = rest[1:]
        else:
            payload, _, rest = rest.partition(b"\n")
        items.append((item, payload))
    return headers, items


@contextmanager
def receiving() -> Iterator[Received]:
    """On loopback."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._body()
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            path = urlsplit(self.path).path
            try:
                status = {f"/api/{PROJECT}/envelope/": self._errors, "/v1/traces": self._traces}[path](body)
            except (KeyError, ValueError):
                status = 400
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers["content-length"]))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _errors(self, body: bytes) -> int:
            asked = parse_qs(urlsplit(self.path).query)
            said = re.search(r"sentry_key=(\w+)", self.headers.get("x-sentry-auth", ""))
            if KEY not in (said[1] if said else None, *asked.get("sentry_key", [])):
                return 403
            headers, items = envelope(body)
            for item, payload in items:
                if item["type"] == "event":
                    event = json.loads(payload)
                    if event["event_id"] != headers["event_id"]:
                        return 400
                    received.events.append(event)
            return 200

        def _traces(self, body: bytes) -> int:
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            for part in json.loads(body)["resourceSpans"]:
                of = {one["key"]: one["value"]["stringValue"] for one in part["resource"]["attributes"]}
                for scope in part["scopeSpans"]:
                    for span in scope["spans"]:
                        right = re.fullmatch(r"[0-9a-f]{32}", span["traceId"]) and re.fullmatch(
                            r"[0-9a-f]{16}", span["spanId"]
                        )
                        if not right or int(span["endTimeUnixNano"]) < int(span["startTimeUnixNano"]):
                            return 400
                        received.spans.append((of, span))
            return 200

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        received.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received
        server.shutdown()
