"""An HTTP server of its own thread, which hands each request to what stands behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

LONGEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Request:
    """What was asked; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Refusal:
    """Answers in place of the real one: `times` of them, or until `Door.accept` where that is None."""

    answer: Answer
    times: int | None


class Door:
    """Listens at `address`, on a free port if none is given, until it is closed. A subclass answers.

    `name`: what a URL of it has for its host, where that is another than the address.
    """

    def __init__(self, address: str = "127.0.0.1", port: int = 0, name: str = "") -> None:
        self.lock = threading.Lock()
        self.requests: list[tuple[float, Request]] = []
        """With the moment at which each came, in Unix seconds; refused ones too."""
        self._refusal: Refusal | None = None
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = min(int(self.headers.get("Content-Length") or 0), LONGEST_BYTES)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                answer = door.take(request)
                body = b"" if self.command == "HEAD" else answer.text.encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815 # http.server looks for them so

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{name or address}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def refuse(
        self,
        status: int,
        text: str = "",
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> None:
        """From now on nothing is taken, and this is answered."""
        with self.lock:
            self._refusal = Refusal(Answer(status, text, headers or {}), times)

    def accept(self) -> None:
        """Ends what `refuse` began."""
        with self.lock:
            self._refusal = None

    def take(self, request: Request) -> Answer:
        """The answer to a request, which is noted."""
        with self.lock:
            self.requests.append((time.time(), request))
            refusal = self._refusal
            if refusal is not None and refusal.times is not None:
                refusal.times -= 1
                if refusal.times == 0:
                    self._refusal = None
        return refusal.answer if refusal is not None else self.answer(request)

    def answer(self, request: Request) -> Answer:
        """What the real one answers."""
        raise NotImplementedError
