"""The services of the cutover's file, in the proxy that is deployed: who answers what."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.services.cutover import BEFORE, configuration
from tests.door.door import Door, opened


@contextmanager
def container(name: str, *assets: str) -> Iterator[tuple[str, int]]:
    """A server that answers with its name; below /assets/ it has these alone. Where it is reached."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            there = not self.path.startswith("/assets/") or self.path in assets
            self.send_response(200 if there else 404)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        do_POST = do_GET  # noqa: N815 # as the server calls it

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[0], server.server_address[1]  # type: ignore[misc]
    finally:
        server.shutdown()
        server.server_close()


def serving(file: str) -> Callable[[dict[str, Any]], None]:
    """Puts the services of the cutover's file in the place of the tests' own."""

    def routes(dynamic: dict[str, Any]) -> None:
        dynamic["http"]["services"] = json.loads(file)["http"]["services"]

    return routes


@pytest.fixture(scope="module")
def released(traefik: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """After a release of the web application, of which each build has one script of its own."""
    with ExitStack() as stack:
        api = stack.enter_context(container("api"))
        web = stack.enter_context(container("new", "/assets/index-new.js", "/assets/react.js"))
        host, port = stack.enter_context(container("old", "/assets/index-old.js", "/assets/react.js"))
        _, servers = configuration({"api": api, "web": web, "temporal-ui": api})
        servers = servers.replace(f"{BEFORE}:{web[1]}", f"{host}:{port}")
        yield stack.enter_context(
            opened(tmp_path_factory.mktemp("released"), traefik, routes=serving(servers))
        )


@pytest.mark.parametrize(
    ("path", "method", "status", "who"),
    [
        ("/", "GET", 200, "new"),
        ("/issues/7", "GET", 200, "new"),
        ("/assets/index-new.js", "GET", 200, "new"),
        ("/assets/react.js", "GET", 200, "new"),
        ("/assets/index-old.js", "GET", 200, "old"),
        ("/assets/index-older.js", "GET", 404, "old"),
        ("/assets/index-old.js", "POST", 404, "new"),
        ("/assets/../index-old.js", "GET", 200, "new"),
    ],
)
def test_what_the_new_build_lacks_of_assets_the_one_before_is_asked_for_and_nothing_else(
    released: Door, path: str, method: str, status: int, who: str
) -> None:
    answer = released.ask("web", path, method=method)
    assert (answer.status, answer.body.decode()) == (status, who)
