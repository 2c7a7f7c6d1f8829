"""The record of good releases, by the shell that keeps it; the check, by the Node that runs it."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.services.releases import HERE, IMAGES, entry

SCRIPT = (HERE / "releases.sh").read_text()


def record(file: Path, images: dict[str, str], begun: str, keep: int = 3) -> list[dict[str, object]]:
    """What the script prints."""
    done = subprocess.run(
        ["sh", "-s", "--", str(file), str(keep), entry(images, begun)],
        input=SCRIPT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def of(tag: str) -> dict[str, str]:
    return {image: f"ghcr.io/example-org/{image}:{tag}@sha256:{'a' * 64}" for image in IMAGES}


def test_the_newest_come_first_and_the_oldest_go(tmp_path: Path) -> None:
    file = tmp_path / "data" / "releases"
    for number in range(5):
        found = record(file, of(f"1.{number}"), f"2026-11-28T10:0{number}:00Z")
    assert [one["images"] for one in found] == [of("1.4"), of("1.3"), of("1.2")]
    assert all(set(one) == {"when", "begun", "images"} for one in found)


def test_a_run_that_was_killed_is_recorded_once(tmp_path: Path) -> None:
    file = tmp_path / "releases"
    record(file, of("1"), "2026-11-28T10:00:00Z")
    record(file, of("2"), "2026-11-28T11:00:00Z")
    found = record(file, of("2"), "2026-11-28T11:00:00Z")
    assert [one["begun"] for one in found] == ["2026-11-28T11:00:00Z", "2026-11-28T10:00:00Z"]
    assert len(record(file, of("1"), "2026-11-28T12:00:00Z")) == 3, "the way back is a release of its own"


class Proxy(BaseHTTPRequestHandler):
    """Answers by host name: a status, or a list of them that is used up."""

    statuses: dict[str, list[int]]

    def do_GET(self) -> None:
        left = self.statuses[f"{self.headers['Host']}{self.path}"]
        self.send_response(left.pop(0) if len(left) > 1 else left[0])
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def proxy() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def secure(proxy: ThreadingHTTPServer, tmp_path: Path) -> ThreadingHTTPServer:
    """With a certificate that nobody trusts, for the API's name alone."""
    pem = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", str(pem), "-out", str(tmp_path / "public.pem"), "-subj", "/CN=x", "-days", "2"),
            *("-addext", "subjectAltName=DNS:api.example.com"),
        ],
        check=True,
        capture_output=True,
    )
    pem.write_text(pem.read_text() + (tmp_path / "public.pem").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
    return proxy


def check(
    server: ThreadingHTTPServer,
    statuses: dict[str, list[int]],
    seconds: int,
    urls: tuple[str, ...] = ("http://api.localhost/health", "http://app.localhost/"),
) -> tuple[int, str]:
    """The check's exit code and what it says."""
    if shutil.which("node") is None:
        pytest.skip("no node on PATH")
    Proxy.statuses = statuses
    port = str(server.server_address[1])
    words = ["node", str(HERE / "smoke-check.js"), "127.0.0.1", port, str(seconds), *urls]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_names_that_answer_some_times_on_end_are_good(proxy: ThreadingHTTPServer) -> None:
    statuses = {"api.localhost/health": [503, 200, 404, 200], "app.localhost/": [200]}
    assert check(proxy, statuses, 60) == (0, "")


def test_one_container_of_two_that_fails_is_seen(proxy: ThreadingHTTPServer) -> None:
    statuses = {"api.localhost/health": [200, 502] * 50, "app.localhost/": [200]}
    code, said = check(proxy, statuses, 4)
    assert code == 1
    assert "http://api.localhost/health answered 502, not 200" in said
    assert "app.localhost" not in said
    assert "make rollback" in said


def test_a_certificate_has_to_be_of_the_name_whoever_issued_it(secure: ThreadingHTTPServer) -> None:
    urls = ("https://api.example.com/health", "https://app.example.com/")
    statuses = {"api.example.com/health": [200], "app.example.com/": [200]}
    assert check(secure, statuses, 60, urls[:1]) == (0, "")
    code, said = check(secure, statuses, 3, urls)
    assert code == 1
    assert "https://app.example.com/ has another name's certificate: Hostname/IP does not match" in said
    assert "api.example.com/health" not in said


def test_a_proxy_that_is_away(proxy: ThreadingHTTPServer) -> None:
    code, said = check(proxy, {}, 3, ("https://api.example.com/health",))
    assert code == 1
    assert "https://api.example.com/health gave no answer: " in said
