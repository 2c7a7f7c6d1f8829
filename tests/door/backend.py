"""What stands behind the proxy: it answers with the request as it saw it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONG, SHORT = "/stream/1.6", "/stream/0.4"
"""Streams of two parts, each followed by so many seconds of silence."""


class Echo(BaseHTTPRequestHandler):
    """Answers with a request's method, path, headers, length of its body and connection, as JSON.

    A stream comes in parts, by HTTP or, if that is asked, on a connection of its own.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        length = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path in (LONG, SHORT):
            return self.stream(float(self.path.rpartition("/")[2]))
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers),
            "length": length,
            "connection": self.client_address,
        }
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 # as the server calls them

    def stream(self, pause: float) -> None:
        upgraded = "Upgrade" in self.headers
        if upgraded:
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", self.headers["Upgrade"])
        else:
            self.send_response(200)
            self.send_header("Content-Type", self.headers.get("Accept", "application/octet-stream"))
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (b"data: first\n\n", b"data: last\n\n"):
            self.wfile.write(part if upgraded else b"%x\r\n%s\r\n" % (len(part), part))
            time.sleep(pause)
        if upgraded:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: object) -> None:
        """Says nothing: tests tell what they saw."""


@contextmanager
def serving() -> Iterator[str]:
    """Its URL, while it serves."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
