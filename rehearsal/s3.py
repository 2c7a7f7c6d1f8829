"""Storage elsewhere, for the copies that leave the server: an S3 server that fails on demand.

versitygw keeps the objects, as files; in front of it this process ends TLS and makes the faults. Clients sign
the name under which they reach the server, so it is passed on as they wrote it.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR
from socketserver import TCPServer
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from docker.errors import APIError

from rehearsal.cloud.authority import Authority
from rehearsal.images import LABEL, ImageError, builder
from rehearsal.machines.docker import network
from rehearsal.storage import Storage

Fault = Literal["slow_down", "slow", "cut", "forbidden", "forgets", "full", "down"]
REFUSALS = {
    "slow_down": (503, "SlowDown", "Please reduce your request rate."),
    "forbidden": (403, "InvalidAccessKeyId", "The access key does not exist in our records."),
    "full": (507, "InsufficientStorage", "No space left on device."),
}
METHODS = {"cut": ("GET",), "forgets": ("PUT", "POST"), "full": ("PUT", "POST")}
"""Of the faults that do not meet every request: those that they meet."""
OF_THE_CONNECTION = {"connection", "expect", "keep-alive", "transfer-encoding"}
"""Headers that are not passed on."""
UNKNOWN_KEY = (b"<Code>XAdminUserNotFound</Code>", b"<Code>InvalidAccessKeyId</Code>")
"""versitygw's own code for an access key that it does not know, and what S3 has for it."""
UPSTREAM_PORT = 7070
PATIENCE_SECONDS = 20
DAYS = 7


class S3Server:
    """Runs from `with` to its end. Both this machine and the booted machines reach it, by https alone.

    `endpoint` is its URL, `ca_pem` the authority that signed its certificate, `access_key` and `secret_key`
    may do everything, in any region. The object `a/b` of the bucket `copies` is the file `copies/a/b` in
    `folder`: to be looked at, damaged or deleted. Buckets are addressed by path, not by name.
    """

    def __init__(self, buckets: Iterable[str] = ("copies",), storage: Storage | None = None) -> None:
        """`storage`: whose it is, and keeps what is in it; None: a new one, which goes with this."""
        self.access_key = self.secret_key = self.endpoint = self.ca_pem = ""
        self.folder = Path()
        self._buckets = tuple(buckets)
        self._storage = storage
        self._proxy: _Proxy | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Starts it; a bucket that is not there is made.

        Raises:
            ImageError: its image is not there, or it does not answer.
            MachineError: Docker made no network for it.
        """
        with ExitStack() as stack:
            storage = self._storage or Storage.of(
                Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rehearsal-s3-")))
            )
            self.access_key, self.secret_key = storage.access_key, storage.secret_key
            self.endpoint, self.ca_pem = storage.endpoint, storage.ca_pem
            self.folder = storage.home / "data"
            for folder in (*(self.folder / bucket for bucket in self._buckets), storage.home / "metadata"):
                folder.mkdir(parents=True, exist_ok=True)
            upstream = self._start(storage, stack)
            tls = _tls(Authority(storage.home), storage.home)
            proxy = _Proxy(storage.port, tls, upstream, self.folder)
            stack.callback(proxy.server_close)
            threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(proxy.shutdown)
            self._proxy = proxy
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops it; what it kept goes with it, unless it is in a storage that was given."""
        self._stack.close()

    def fault(self, name: Fault | None, *, seconds: float = 5, count: int | None = None) -> None:
        """What requests meet from now on; None: nothing, they are answered as they should be.

        `slow_down` answers 503 and `forbidden` 403, as if the key had expired; `down` closes the connection
        without an answer; `slow` answers after `seconds`. `cut` ends what a GET brings in its middle. `full`
        answers 507 to what would store something, and `forgets` answers it as usual but keeps nothing.
        The fault is over after `count` requests that it met; None: never.
        """
        self._running.set(name, seconds, count)

    @property
    def struck(self) -> int:
        """How many requests the present fault has met."""
        return self._running.struck

    @property
    def _running(self) -> _Proxy:
        if self._proxy is None:
            raise RuntimeError("the S3 server does not run: with S3Server() as server: …")
        return self._proxy

    def _start(self, storage: Storage, stack: ExitStack) -> str:
        """Its address and port, where this machine reaches it."""
        client = builder.connect()
        image = builder.require(client, "s3")
        mine = {"label": f"{LABEL}.storage={storage.home}"}
        for killed in client.containers.list(all=True, filters=mine):
            killed.remove(force=True, v=True)
        stack.callback(network.remove_if_unused, client)
        try:
            with network.kept(client):
                container = client.containers.create(
                    image,
                    labels={LABEL: "s3", f"{LABEL}.storage": str(storage.home)},
                    network=network.NAME,
                    user=f"{os.getuid()}:{os.getgid()}",
                    environment={"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key},
                    volumes={
                        str(storage.home / folder): {"bind": f"/{folder}", "mode": "rw"}
                        for folder in ("data", "metadata")
                    },
                    cap_drop=["ALL"],
                    security_opt=["no-new-privileges"],
                    read_only=True,
                )
                stack.callback(container.remove, force=True, v=True)
                container.start()
        except APIError as error:
            raise ImageError(f"the S3 server did not start: {error.explanation}") from None
        container.reload()
        networks = container.attrs["NetworkSettings"]["Networks"]
        address = f"{networks[network.NAME]['IPAddress']}:{UPSTREAM_PORT}"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers(address):
            if time.monotonic() > deadline:
                raise ImageError(f"the S3 server does not answer: {container.logs().decode()[-1500:]}")
            time.sleep(0.05)
        return address


def answers(address: str) -> bool:
    """Whether anybody speaks HTTP there."""
    connection = HTTPConnection(address, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True


def _tls(authority: Authority, folder: Path) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    certificate = authority.sign(request, [network.GATEWAY], DAYS)
    path = folder / "server.pem"
    path.touch(0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class _Proxy(ThreadingHTTPServer):
    """Ends TLS, a thread per connection; holds the present fault."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, context: ssl.SSLContext, upstream: str, folder: Path) -> None:
        self.upstream = upstream
        self.folder = folder
        self.seconds = 0.0
        self.struck = 0
        self._name: Fault | None = None
        self._left: int | None = None
        self._lock = threading.Lock()
        super().__init__((network.GATEWAY, port), _Handler)
        # The handshake comes with the first read, in the connection's own thread.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def server_bind(self) -> None:
        """Binds without asking a name server who this is, as the base class does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = network.GATEWAY, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up, or do not trust the certificate, are part of the rehearsal."""

    def set(self, name: Fault | None, seconds: float, count: int | None) -> None:
        """See `S3Server.fault`."""
        with self._lock:
            self._name, self.seconds, self._left, self.struck = name, seconds, count, 0

    def take(self, method: str) -> Fault | None:
        """The fault that a request meets."""
        with self._lock:
            if self._name is None or self._left == 0 or method not in METHODS.get(self._name, (method,)):
                return None
            self.struck += 1
            if self._left is not None:
                self._left -= 1
            return self._name


class _Handler(BaseHTTPRequestHandler):
    """One connection, kept alive. Holds a request and its answer in memory: tens of megabytes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Proxy

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self.close_connection = True
            self._refuse(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
            return
        body = self.rfile.read(int(length))
        fault = self.server.take(self.command)
        if fault == "down":
            self._hang_up()
        elif fault in REFUSALS:
            self._refuse(*REFUSALS[fault])
        else:
            if fault == "slow":
                time.sleep(self.server.seconds)
            self._pass_on(body, fault)

    def _pass_on(self, body: bytes, fault: Fault | None) -> None:
        upstream = HTTPConnection(self.server.upstream)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in OF_THE_CONNECTION:
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        content = content.replace(*UNKNOWN_KEY)
        if fault == "forgets" and answer.status < 300:
            kept = self.server.folder / unquote(urlsplit(self.path).path).lstrip("/")
            if kept.is_file():
                kept.unlink()
        headers = {
            name: value for name, value in answer.getheaders() if name.lower() not in OF_THE_CONNECTION
        }
        self._answer(answer.status, headers, content, whole=fault != "cut")

    def _refuse(self, status: int, code: str, message: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self._answer(status, {"Content-Type": "application/xml"}, text.encode())

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, whole: bool = True) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in OF_THE_CONNECTION:
                self.send_header(name, value)
        if "Content-Length" not in headers and status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content if whole else content[: len(content) // 2])
        if not whole:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(SHUT_RDWR)

    # The base class looks these up by name.
    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""
