"""The Docker API over ssh, as the Docker CLI does it: each connection is an `ssh … docker system dial-stdio`.

One end of a socket pair is the connection, the other is the standard input and output of the ssh process. At
most `_HANDSHAKES` connections are being set up at a time: sshd drops new ones beyond its MaxStartups (10 by
default).
Source: `cli/connhelper` of docker/cli.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests.adapters
import urllib3.connection
import urllib3.connectionpool

from rehearsal.plugins.provider import ProviderError

_HANDSHAKES = 4
_CONNECTIONS = 64
_SECONDS_TO_CONNECT = 60.0


@dataclass(frozen=True)
class SshTarget:
    """Where ssh goes and with which options: `ssh://user@host:port[/path/of/docker.sock]`."""

    url: str
    options: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """The command whose standard input and output are the Docker API."""
        parts = urlsplit(self.url)
        if parts.scheme != "ssh" or not parts.hostname:
            raise ProviderError(f"host {self.url!r} is no ssh address: write ssh://user@host:port")
        if parts.password:
            raise ProviderError("host: plain-text password is not supported: use a key, by sshOpts")
        command = ["ssh"]
        if not any("ConnectTimeout" in option for option in self.options):
            command += ["-o ConnectTimeout=30"]
        command += [*self.options, "-T"]
        if parts.username:
            command += ["-l", parts.username]
        if parts.port:
            command += ["-p", str(parts.port)]
        command += ["--", parts.hostname, "docker"]
        if parts.path.strip("/"):
            command += [f"--host=unix://{parts.path}"]
        return [*command, "system", "dial-stdio"]


class SshAdapter(requests.adapters.HTTPAdapter):
    """Sends the requests of a Docker client through ssh."""

    def __init__(self, target: SshTarget) -> None:
        self._pool = _Pool(target)
        super().__init__()

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> urllib3.connectionpool.HTTPConnectionPool:
        """Every request goes to the one target."""
        return self._pool

    def request_url(self, request: Any, proxies: Mapping[str, str] | None) -> str:
        """The path alone: there is never a proxy in between."""
        return str(request.path_url)

    def close(self) -> None:
        """End the ssh processes that are idle."""
        self._pool.close()
        super().close()


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    def __init__(self, target: SshTarget) -> None:
        super().__init__("docker.example.com", maxsize=_CONNECTIONS, block=True)
        self._target = target
        self._gate = threading.BoundedSemaphore(_HANDSHAKES)

    def _new_conn(self) -> Any:
        return _Connection(self._target, self._gate)


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, target: SshTarget, gate: threading.BoundedSemaphore) -> None:
        super().__init__("docker.example.com")
        self._target = target
        self._gate = gate
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        with self._gate:
            self.sock, self._process = _dial(self._target.command())

    def close(self) -> None:
        super().close()
        process, self._process = self._process, None
        if process is not None:
            _end(process)


def _dial(command: list[str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """A connection that has answered a ping. Raises `ProviderError` with what ssh said."""
    ours, theirs = socket.socketpair()
    with theirs, tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=said,
                start_new_session=True,  # Ctrl-C is for the engine to act on
                env={k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "SSL_CERT_FILE")},
            )
        except OSError as error:
            ours.close()
            raise ProviderError(f"cannot run ssh: {error.strerror}: install the OpenSSH client") from None
        theirs.close()
        ours.settimeout(_SECONDS_TO_CONNECT)
        if _answers(ours):
            return ours, process
        ours.close()
        code = _end(process)
        said.seek(0)
        message = said.read().decode(errors="replace").strip().replace("\r\n", "\n")
    raise ProviderError(
        f'error during connect: Get "http://docker.example.com/_ping": command [{" ".join(command)}] has '
        f"exited with exit status {code}, make sure the URL is valid, and Docker 18.09 or later is installed "
        f"on the remote host: stderr={message}"
    )


def _answers(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker.example.com\r\n\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        response.read()
    except (OSError, http.client.HTTPException):
        return False
    return response.status == http.client.OK


def _end(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
