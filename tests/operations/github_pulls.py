"""GitHub's pull requests of one repository, on loopback: listed, opened, changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "example-org/jira"


class Pulls:
    """What it has; a second open one of a branch is refused, as GitHub does."""

    def __init__(self, port: int) -> None:
        self.all: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.environment = {
            "GITHUB_API_URL": f"http://127.0.0.1:{port}",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": "token",
        }

    def close(self, number: int, commit: str) -> None:
        """Merged or not, with its branch at `commit`."""
        self.all[number - 1] |= {"state": "closed", "head": {"sha": commit}}

    @classmethod
    @contextmanager
    def at_work(cls) -> Iterator[Pulls]:
        """Serves until the context ends."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                head = wanted["head"].removeprefix("example-org:")
                found = [p for p in pulls.all if p["branch"] == head and p["state"] == wanted["state"]]
                self._answer(200, found)

            def do_POST(self) -> None:
                body = self._body()
                with pulls.lock:
                    if any(p["branch"] == body["head"] and p["state"] == "open" for p in pulls.all):
                        self._answer(422, {"message": "A pull request already exists"})
                        return
                    made = {"number": len(pulls.all) + 1, "state": "open", "branch": body.pop("head"), **body}
                    pulls.all.append(made)
                self._answer(201, made)

            def do_PATCH(self) -> None:
                found = pulls.all[int(self.path.rpartition("/")[2]) - 1]
                found |= self._body()
                self._answer(200, found)

            def _body(self) -> dict[str, Any]:
                assert self.headers["Authorization"] == "Bearer token"
                body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                return body

            def _answer(self, status: int, body: object) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            pulls = cls(server.server_address[1])
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            try:
                yield pulls
            finally:
                server.shutdown()
