"""What the cutover asks of the proxy, by the Node that asks it."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.services.cutover import HERE


class Proxy(BaseHTTPRequestHandler):
    """Answers by host name: a status, or a list of them that is used up."""

    statuses: dict[str, list[int]]
    asked: list[str]

    def do_GET(self) -> None:
        name = f"{self.headers['Host']}{self.path}"
        self.asked.append(name)
        left = self.statuses[name]
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
    probes: tuple[str, ...] = (),
) -> tuple[int, str]:
    """The check's exit code and what it says."""
    if shutil.which("node") is None:
        pytest.skip("no node on PATH")
    Proxy.statuses, Proxy.asked = statuses, []
    port = str(server.server_address[1])
    words = ["node", "-", "127.0.0.1", port, str(seconds)]
    words += [*(probe.replace(":PORT", f":{port}") for probe in probes), "--", *urls]
    script = (HERE / "smoke-check.js").read_text()
    done = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_names_that_answer_twice_on_end_are_good(proxy: ThreadingHTTPServer) -> None:
    statuses = {"api.localhost/health": [503, 200, 404, 200], "app.localhost/": [200]}
    assert check(proxy, statuses, 60) == (0, "")
    assert Proxy.asked.count("api.localhost/health") == 5


def test_no_name_is_asked_before_the_new_containers_answer(proxy: ThreadingHTTPServer) -> None:
    """Before, it is the old ones that do."""
    statuses = {
        "api-1a2b3c4/health": [404, 404, 502, 200],
        "web-1a2b3c4/health": [200],
        "api.localhost/health": [200],
        "app.localhost/": [200],
    }
    probes = ("http://api-1a2b3c4:PORT/health", "http://web-1a2b3c4:PORT/health")
    assert check(proxy, statuses, 60, probes=probes) == (0, "")
    last = max(at for at, name in enumerate(Proxy.asked) if name == "api-1a2b3c4/health")
    assert min(at for at, name in enumerate(Proxy.asked) if "localhost" in name) > last
    statuses["api-1a2b3c4/health"] = [404]
    code, said = check(proxy, statuses, 1, probes=probes)
    assert code == 1
    assert "/health answered 404, not 200" in said
    assert not [name for name in Proxy.asked if "localhost" in name]


def test_one_that_fails_again_and_again_is_seen(proxy: ThreadingHTTPServer) -> None:
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
