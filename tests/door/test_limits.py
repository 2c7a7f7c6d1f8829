"""Sizes and times: what arrives slowly arrives, what never ends is ended, what streams is not held back.

The tests' door has a hundredth of the time, and they send a hundredth of the largest body.
"""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from components.services.routing import BODY_LIMIT
from components.services.traefik import READ_SECONDS
from tests.door.backend import LONG, SHORT
from tests.door.door import HOSTS, Door, opened

SECONDS = READ_SECONDS / 100
PART = BODY_LIMIT // 100
SLOWEST = 280_000 // 8
"""Bytes a second at which the largest body must arrive."""
VERSIONS = ("--http1.1", "--http2")


@pytest.fixture(scope="module")
def hurried(traefik: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door that gives a request a hundredth of the time."""

    def hurry(config: dict[str, Any]) -> None:
        config["entryPoints"]["websecure"]["transport"]["respondingTimeouts"]["readTimeout"] = f"{SECONDS}s"

    with opened(tmp_path_factory.mktemp("hurried"), traefik, static=hurry) as door:
        yield door


def curl(door: Door, path: str, *options: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """curl's output, with `status seconds-to-the-first-byte` as its last line."""
    host = HOSTS["api"]
    command = ["curl", "-sS", "--insecure", "--no-buffer", "--resolve", f"{host}:{door.port}:127.0.0.1"]
    command += ["--write-out", "\n%{http_code} %{time_starttransfer}", "--header", "Expect:", *options]
    return subprocess.run(
        [*command, f"https://{host}:{door.port}{path}"],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )


def status(door: Door, *options: str, stdin: bytes = b"") -> int:
    return int(curl(door, "/upload", *options, stdin=stdin).stdout.split()[-2])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_the_largest_body_of_a_slow_client_arrives(hurried: Door, version: str, declared: bool) -> None:
    """Report: runtime 16, of 10 MB at 1.4 Mbit/s the last bytes came too late."""
    assert BODY_LIMIT / SLOWEST < READ_SECONDS, "the hundredth would not stand for the whole"
    how = ("--data-binary", "@-") if declared else ("--upload-file", "-", "--request", "POST")
    rate = ("--limit-rate", f"{SLOWEST}")
    started = time.monotonic()
    assert status(hurried, version, *rate, *how, stdin=b"x" * (PART - 8000)) == 200
    assert time.monotonic() - started > SECONDS / 2, "it was not slow"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_body_that_never_ends_is_ended(hurried: Door, version: str) -> None:
    """Report: runtime 16."""
    started = time.monotonic()
    slow = ("--limit-rate", f"{SLOWEST // 10}", "--data-binary", "@-")
    assert status(hurried, version, *slow, stdin=b"x" * PART) >= 400
    assert time.monotonic() - started < 3 * SECONDS


def test_headers_that_never_end_are_ended(hurried: Door) -> None:
    """Report: runtime 16, and its kin slow loris."""
    with closing(hurried.connection(HOSTS["api"])) as connection:
        started = time.monotonic()
        connection.sock.sendall(f"GET / HTTP/1.1\r\nHost: {HOSTS['api']}\r\n".encode())
        connection.sock.settimeout(0.2)
        with pytest.raises(OSError):  # noqa: PT012 # it is closed
            while time.monotonic() - started < 3 * SECONDS:
                connection.sock.sendall(b"X-More: of this\r\n")
                try:
                    if not connection.sock.recv(100):
                        raise ConnectionResetError
                except TimeoutError:
                    continue
    assert SECONDS * 0.9 < time.monotonic() - started < 2 * SECONDS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "how",
    [
        ("--data-binary", "@-"),
        ("--data-binary", "@-", "--header", "Accept: text/event-stream"),
        ("--upload-file", "-", "--request", "POST"),
        ("--upload-file", "-", "--request", "DELETE"),
        ("--data-binary", "@-", "--request", "GET"),
    ],
    ids=["declared", "for a stream", "undeclared", "another method", "a body of a GET"],
)
def test_a_body_beyond_the_limit_is_refused(door: Door, version: str, how: Sequence[str]) -> None:
    assert status(door, version, *how, stdin=b"x" * (BODY_LIMIT + 1)) == 413


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "accept", ["text/event-stream", "multipart/mixed", "application/x-ndjson", "text/csv"]
)
@pytest.mark.parametrize("more", [(), ("--data", "{}"), ("--compressed",)], ids=["GET", "POST", "compressed"])
def test_what_streams_is_not_held_back(door: Door, version: str, accept: str, more: Sequence[str]) -> None:
    """Report: runtime 16. Subscriptions, parts of a deferred answer, exports: the first part comes first."""
    done = curl(door, SHORT, version, "--header", f"Accept: {accept}", *more)
    *text, code, first = done.stdout.split()
    assert text == [b"data:", b"first", b"data:", b"last"]
    assert (code, float(first) < 0.4) == (b"200", True)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_streams_outlives_the_time_for_a_request(hurried: Door, version: str) -> None:
    """Report: runtime 16. The time is for what is asked, not for what is answered."""
    assert SECONDS < 2 * 1.6
    assert b"last" in curl(hurried, LONG, version, "--data", "{}").stdout


def test_a_web_socket_is_not_held_back_and_outlives_the_time_for_a_request(hurried: Door) -> None:
    """Report: runtime 16."""
    asked = {
        "Host": HOSTS["api"],
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
    with closing(hurried.connection(HOSTS["api"])) as connection:
        started = time.monotonic()
        connection.sock.sendall(f"GET {LONG} HTTP/1.1\r\n{head}\r\n".encode())
        text = connection.sock.recv(4096)
        while b"first" not in text:
            text += connection.sock.recv(4096)
        assert text.startswith(b"HTTP/1.1 101")
        assert time.monotonic() - started < 1.6
        while more := connection.sock.recv(4096):
            text += more
        assert text.endswith(b"data: last\n\n")


def test_a_connection_to_the_application_is_not_kept_until_node_closes_it(door: Door) -> None:
    """Report: runtime 16's kin. A request that is sent while the other end closes is lost: Node waits 5 s."""

    def connection() -> Any:
        return door.ask("api", "/").seen["connection"]

    first = connection()
    assert connection() == first, "it is kept for a while"
    time.sleep(4.8)
    assert connection() != first
