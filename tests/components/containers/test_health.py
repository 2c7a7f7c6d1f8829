"""Health checks: their durations as the provider reads them back; the application's check, run for real."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import which

import pytest

from components.containers.health import FOLDER, first_success, go_duration, node_http


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
    """An application whose answers the test decides."""

    def __init__(self) -> None:
        self.status = {"/ready": 503, "/caught-up": 200, "/health": 200}
        self.text = ""
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(application.status[self.path])
                self.end_headers()
                self.wfile.write(application.text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def application() -> Iterator[Application]:
    if which("node") is None:
        pytest.skip("node is not installed")
    application = Application()
    yield application
    application.server.shutdown()


def check(application: Application, folder: Path) -> tuple[int, str]:
    """The exit code and what was printed, where `folder` is the root."""
    words = node_http(application.server.server_port, ("/ready", "/caught-up"))
    command = [word.replace(FOLDER, f"{folder}{FOLDER}") for word in words]
    done = subprocess.run(command, check=False, timeout=20, capture_output=True, text=True)
    return done.returncode, done.stdout.strip()


def remember(folder: Path) -> None:
    """What the program does once the container is healthy."""
    file = Path(first_success(str(folder), socket.gethostname()))
    file.parent.mkdir(parents=True)
    file.touch()


@pytest.mark.parametrize("path", ["/ready", "/caught-up", "/health"])
def test_a_release_counts_as_good_only_when_it_is_ready_and_says_what_is_not(
    application: Application, tmp_path: Path, path: str
) -> None:
    application.status |= {"/ready": 200, path: 503}
    assert check(application, tmp_path) == (1, f"{application.url}{path}: 503")
    application.status[path] = 200
    assert check(application, tmp_path) == (0, "")


def test_what_it_misses_is_said(application: Application, tmp_path: Path) -> None:
    application.text = '{"postgres":"password authentication failed"}' + " " * 1000
    application.status["/ready"] = 503
    code, said = check(application, tmp_path)
    assert code == 1
    assert said == f'{application.url}/ready: 503 {{"postgres":"password authentication failed"}}'


def test_once_ready_only_its_own_health_counts_and_a_restart_changes_nothing_about_it(
    application: Application, tmp_path: Path
) -> None:
    """runtime 23: it was remembered in a tmpfs, and forgotten by a restart while the database was away."""
    remember(tmp_path)
    application.status |= {"/ready": 503, "/caught-up": 503}
    assert check(application, tmp_path)[0] == 0, "a database that is away must not have its clients restarted"
    application.status["/health"] = 500
    assert check(application, tmp_path) == (1, f"{application.url}/health: 500")


def test_nobody_listening_is_unhealthy(application: Application, tmp_path: Path) -> None:
    application.server.shutdown()
    application.server.server_close()
    code, told = check(application, tmp_path)
    assert code == 1
    assert "ECONNREFUSED" in told
