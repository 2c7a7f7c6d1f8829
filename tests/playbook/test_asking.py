"""What is lost is counted: a server on loopback that refuses now and then."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from .asking import Asked, asking
from .waiting import seconds_until


class Handler(BaseHTTPRequestHandler):
    """Answers 200, and 502 while `away`."""

    away = False

    def do_GET(self) -> None:
        self.send_response(502 if Handler.away else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_each_answer_that_is_none_is_counted_and_told(url: str) -> None:
    with asking(lambda: httpx.get(url).raise_for_status(), pause=0.01) as asked:
        seconds_until("it answers", lambda: len(asked.answers) > 2, 10, every=0.01)
        assert asked.lost == 0
        Handler.away = True
        seconds_until("some are lost", lambda: asked.lost > 2, 10, every=0.01)
        Handler.away = False
        seconds_until("it answers again", lambda: asked.answers[-1][2], 10, every=0.01)
    assert asked.lost == len(asked.errors) > 2
    assert all(error.startswith("HTTPStatusError: Server error '502 Bad Gateway'") for error in asked.errors)
    assert asked.gap > 0
    assert asked.slowest > 0


def test_a_gap_is_from_the_first_question_without_an_answer_to_the_next_answer() -> None:
    asked = Asked([(0, 1, True), (2, 3, False), (4, 5, False), (6, 7, True), (8, 10, True), (11, 12, False)])
    assert (asked.gap, asked.slowest, asked.lost) == (5, 2, 3)
