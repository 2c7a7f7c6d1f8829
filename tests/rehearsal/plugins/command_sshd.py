"""An ssh server for tests, in this process: runs what it is asked, as this user, on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Sshd(paramiko.ServerInterface):
    """One key may log in. As OpenSSH, it drops what is beyond `max_startups` that are not logged in yet."""

    def __init__(self, accepted_variables: tuple[str, ...] = (), max_startups: int = 10) -> None:
        self.client_key, client = new_key()
        host_key_text, self.host_key = new_key()
        self._allowed = paramiko.Ed25519Key(data=_blob(client))
        self._host_key = paramiko.Ed25519Key.from_private_key(_file(host_key_text))
        self._accepted = accepted_variables
        self._max_startups = max_startups
        self._starting = 0
        self._lock = threading.Lock()
        self.dropped = 0
        self.logins = 0
        self.connections = 0
        self.environment: dict[str, str] = dict(os.environ)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._starting >= self._max_startups:
                    self.dropped += 1
                    connection.close()
                    continue
                self._starting += 1
                self.connections += 1
            threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def _connection(self, connection: socket.socket) -> None:
        transport = _Transport(connection)
        transport.add_server_key(self._host_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
        session = _Session(self)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=session)
        session.ready.wait(5)
        with self._lock:
            self._starting -= 1
        session.serve_bridges(transport)

    def allows(self, key: paramiko.PKey) -> bool:
        return key == self._allowed

    def accepts(self, variable: str) -> bool:
        return variable in self._accepted


class _Session(paramiko.ServerInterface):
    def __init__(self, sshd: Sshd) -> None:
        self._sshd = sshd
        self._variables: dict[str, str] = {}
        self._bridges: dict[int, socket.socket] = {}
        self.ready = threading.Event()

    def serve_bridges(self, transport: paramiko.Transport) -> None:
        """Carry what goes through this connection to another host, until it ends."""
        sessions = []  # paramiko closes a channel that nobody holds: its command may come later than it
        while transport.is_active():
            channel = transport.accept(0.2)
            if channel is None:
                continue
            there = self._bridges.pop(channel.chanid, None)
            if there is None:
                sessions.append(channel)
            else:
                for read, write in ((channel.recv, there.sendall), (there.recv, channel.sendall)):
                    threading.Thread(target=_carry, args=(read, write, there), daemon=True).start()

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if not self._sshd.allows(key):
            self.ready.set()
            return int(paramiko.common.AUTH_FAILED)
        self._sshd.logins += 1
        self.ready.set()
        return int(paramiko.common.AUTH_SUCCESSFUL)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.common.OPEN_SUCCEEDED)

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        if self._sshd.accepts(name.decode()):
            self._variables[name.decode()] = value.decode()
            return True
        return False

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: Any, destination: tuple[str, int]
    ) -> int:
        self._bridges[chanid] = socket.create_connection(destination)
        return int(paramiko.common.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        environment = {**self._sshd.environment, **self._variables}
        run = threading.Thread(target=_run, args=(channel, command.decode(), environment), daemon=True)
        channel.get_transport().accepted.append(run)
        return True


class _Transport(paramiko.Transport):
    """Starts a command once the client was told that it is accepted: a quick one could be over before."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.accepted: list[threading.Thread] = []

    def _send_user_message(self, message: Any) -> None:
        super()._send_user_message(message)
        if threading.current_thread() is self:  # which answers requests, each before it reads the next
            while self.accepted:
                self.accepted.pop().start()


def _run(channel: paramiko.Channel, command: str, environment: dict[str, str]) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        ["/bin/sh", "-c", command], env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        assert process.stdout
        assert process.stderr
        readers = [
            threading.Thread(target=_pump, args=(process.stdout.fileno(), channel.sendall)),
            threading.Thread(target=_pump, args=(process.stderr.fileno(), channel.sendall_stderr)),
        ]
        for reader in readers:
            reader.start()
        feeder = threading.Thread(target=_feed, args=(channel, process), daemon=True)
        feeder.start()
        for reader in readers:
            reader.join()
        channel.send_exit_status(process.wait())
        channel.close()
        feeder.join()


def _carry(read: Any, write: Any, there: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := read(1 << 15):
            write(data)
    with contextlib.suppress(OSError):
        there.shutdown(socket.SHUT_RDWR)
    there.close()


def _pump(source: int, send: Any) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(source, 1 << 15):
            send(data)


def _feed(channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    with contextlib.suppress(OSError):
        while data := channel.recv(1 << 15):
            process.stdin.write(data)
            process.stdin.flush()
        process.stdin.close()


class _Files(paramiko.SFTPServerInterface):
    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(Path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def mkdir(self, path: str, attr: Any) -> int:
        Path(path).mkdir()
        return int(paramiko.SFTP_OK)

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        handle.writefile = Path(path).open("wb")  # type: ignore[attr-defined] # noqa: SIM115 - paramiko closes it
        return handle


def new_key() -> tuple[str, str]:
    """A private key in OpenSSH form, and its public key as in `known_hosts`."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), public.decode()


def _blob(public: str) -> bytes:
    import base64

    return base64.b64decode(public.split()[1])


def _file(text: str) -> Any:
    import io

    return io.StringIO(text)


@contextlib.contextmanager
def sshd(**arguments: Any) -> Iterator[Sshd]:
    """A running server."""
    server = Sshd(**arguments)
    try:
        yield server
    finally:
        server.close()
