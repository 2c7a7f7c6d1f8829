"""The program's own requests to a provider: an answer of the API's, or one readable failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from components.clouds import Api, Unreachable
from components.clouds import api as module

Serve = Callable[..., str]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server with these answers, one after another; the last one stays. Its address."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.001)
    servers: list[HTTPServer] = []

    def start(*answers: tuple[int, bytes]) -> str:
        left = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_may_pass_is_asked_again(serve: Serve) -> None:
    """infrastructure A9: a look must not fail where the run itself would not."""
    answer = Api("Cloudflare", serve((503, b""), (429, b"{}"), (200, b'{"result": 1}')), "t").ask("/x")
    assert (answer.status, answer.found, answer.body) == (200, True, {"result": 1})


def test_a_refusal_is_an_answer(serve: Serve) -> None:
    """infrastructure B7."""
    answer = Api("Hetzner", serve((401, b'{"error": {"code": "unauthorized"}}')), "t").ask("/x")
    assert (answer.found, answer.body["error"]["code"]) == (False, "unauthorized")


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (200, b"<html>log in to this network</html>"),
        (403, b"<html>blocked</html>"),
        (200, b"[]"),
    ],
)
def test_what_is_no_answer_of_the_api_is_one_readable_failure(
    serve: Serve, answer: tuple[int, bytes]
) -> None:
    """infrastructure A9: a portal or a proxy in between answers, too."""
    with pytest.raises(Unreachable, match=r"^Cloudflare cannot be asked \(.+\)$"):
        Api("Cloudflare", serve(answer), "t").ask("/x")


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "api.cloudflare.com/client/v4", "http://[::1"])
def test_an_address_where_nobody_is_is_one_readable_failure(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """infrastructure A9."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.001)
    with pytest.raises(Unreachable, match=r"^Cloudflare cannot be asked \(.+\)$"):
        Api("Cloudflare", endpoint, "t").ask("/x")
