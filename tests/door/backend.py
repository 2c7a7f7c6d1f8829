"""What stands behind the proxy: it answers with the request as it saw it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    """Answers any request with its method, path, headers and the length of its body, as JSON."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        length = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        seen = {"method": self.command, "path": self.path, "headers": dict(self.headers), "length": length}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 # as the server calls them

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
