"""What GitHub's API says of runs, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPOSITORY = "example-org/jira"


class GitHub:
    """Answers for the runs of `REPOSITORY`: `<id>/attempts/<n>` to its status; 404 to any other."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        """Path and credentials of each request."""
        self.environment = {
            "GITHUB_API_URL": f"http://127.0.0.1:{port}",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": "token",
        }

    @classmethod
    @contextmanager
    def at_work(cls, runs: Mapping[str, str]) -> Iterator[GitHub]:
        """Serves until the context ends."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                github.asked.append(f"{self.path} {self.headers['Authorization']}")
                status = runs.get(self.path.removeprefix(f"/repos/{REPOSITORY}/actions/runs/"))
                self.send_response(200 if status else 404)
                self.end_headers()
                self.wfile.write(json.dumps({"status": status}).encode())

            def log_message(self, *_: object) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            github = cls(server.server_address[1])
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield github
            finally:
                server.shutdown()
