"""Health checks: their durations as the provider reads them back; the application's check, run for real."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import which

import pytest

from components.containers.health import go_duration, node_http


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (5, "5s"),
        (59, "59s"),
        (60, "1m0s"),
        (90, "1m30s"),
        (600, "10m0s"),
        (3600, "1h0m0s"),
        (3661, "1h1m1s"),
    ],
)
def test_seconds_as_go_prints_them(seconds: int, text: str) -> None:
    assert go_duration(seconds) == text


class Application:
    """An application whose two answers the test decides."""

    def __init__(self) -> None:
        self.status = {"/ready": 503, "/health": 200}
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(application.status[self.path])
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def application() -> Iterator[Application]:
    if which("node") is None:
        pytest.skip("node is not installed")
    application = Application()
    yield application
    application.server.shutdown()


def check(application: Application, folder: Path) -> int:
    command = [
        word.replace("/tmp/.ready", str(folder / ".ready"))
        for word in node_http(application.server.server_port)
    ]
    return subprocess.run(command, check=False, timeout=20).returncode


def test_a_release_counts_as_good_only_when_it_is_ready(application: Application, tmp_path: Path) -> None:
    assert check(application, tmp_path) == 1, "alive is not enough for a first success"
    application.status["/ready"] = 200
    assert check(application, tmp_path) == 0


def test_once_ready_only_its_own_health_counts(application: Application, tmp_path: Path) -> None:
    application.status["/ready"] = 200
    check(application, tmp_path)
    application.status["/ready"] = 503
    assert check(application, tmp_path) == 0, "a database that is away must not have its clients restarted"
    application.status["/health"] = 500
    assert check(application, tmp_path) == 1


def test_nobody_listening_is_unhealthy(application: Application, tmp_path: Path) -> None:
    application.server.shutdown()
    application.server.server_close()
    assert check(application, tmp_path) == 1
