"""The `connection` of a remote command: ssh with a pinned host key, through a proxy if one is given."""

from __future__ import annotations

import base64
import io
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from rehearsal.plugins.command.command import with_defaults
from rehearsal.plugins.provider import ProviderError, Values, log, wait

_DEFAULTS: dict[str, Any] = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_UNLIMITED = -1
_FIRST_PAUSE, _BACKOFF, _LONGEST_PAUSE = 0.1, 1.5, 5.0
_HANDSHAKES = threading.BoundedSemaphore(4)
"""Connections that are being set up at a time: sshd drops new ones beyond its MaxStartups (10 by default)."""
_KEY_TYPES: tuple[tuple[str, type[paramiko.PKey]], ...] = (
    ("ssh-ed25519", paramiko.Ed25519Key),
    ("ecdsa-", paramiko.ECDSAKey),
    ("ssh-rsa", paramiko.RSAKey),
)
_RSA_ALGORITHMS = ("rsa-sha2-512", "rsa-sha2-256")

logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # every error is raised too


def complete(connection: Any) -> Any:
    """The connection with its defaults, and those of its proxy."""
    filled = with_defaults(connection, _DEFAULTS)
    if isinstance(filled, dict) and "proxy" in filled:
        filled["proxy"] = with_defaults(filled["proxy"], _DEFAULTS)
    return filled


@contextmanager
def connected(connection: Values) -> Iterator[paramiko.Transport]:
    """An authenticated ssh connection. Raises `ProviderError` after `dialErrorLimit` failed attempts."""
    proxy = connection.get("proxy")
    opened: list[paramiko.Transport] = []
    try:
        if proxy:
            with _through_proxy():
                opened.append(_retry("Dial proxy", proxy, lambda: _dial(proxy)))
                bridge = opened[0]
                opened.append(_retry("Dial from proxy", connection, lambda: _dial(connection, bridge)))
        else:
            opened.append(_retry("Dial", connection, lambda: _dial(connection)))
        yield opened[-1]
    finally:
        for transport in reversed(opened):
            transport.close()


@contextmanager
def _through_proxy() -> Iterator[None]:
    try:
        yield
    except ProviderError as error:
        raise ProviderError(f"proxy: {error}") from None


class _DialError(Exception):
    """One attempt failed."""


def _retry(what: str, connection: Values, dial: Callable[[], paramiko.Transport]) -> paramiko.Transport:
    limit = int(connection.get("dialErrorLimit", _DEFAULTS["dialErrorLimit"]))
    pause, attempt = _FIRST_PAUSE, 0
    while True:
        try:
            return dial()
        except _DialError as error:
            attempt += 1
            if limit > _UNLIMITED and attempt > limit:
                raise ProviderError(f"after {attempt - 1} failed attempts: {error}") from None
        shown = "inf" if limit == _UNLIMITED else limit
        log(f"{what} {attempt}/{shown} failed: retrying", ephemeral=True)
        wait(pause)
        pause = min(pause * _BACKOFF, _LONGEST_PAUSE)


def _dial(connection: Values, bridge: paramiko.Transport | None = None) -> paramiko.Transport:
    host, port = str(connection["host"]), int(connection.get("port") or _DEFAULTS["port"])
    timeout = float(connection.get("perDialTimeout", _DEFAULTS["perDialTimeout"])) or None
    keys = _private_keys(connection)
    pinned = _public_key(connection["hostKey"]) if connection.get("hostKey") else None
    with _HANDSHAKES:
        transport = paramiko.Transport(_socket(host, port, timeout, bridge))
        try:
            _handshake(transport, pinned, timeout)
            _authenticate(transport, connection, keys)
        except BaseException:
            transport.close()
            raise
    return transport


def _socket(host: str, port: int, timeout: float | None, bridge: paramiko.Transport | None) -> Any:
    try:
        if bridge is not None:
            return bridge.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=timeout)
        return socket.create_connection((host, port), timeout=timeout)
    except TimeoutError:
        raise _DialError(f"dial tcp {host}:{port}: i/o timeout") from None
    except socket.gaierror:
        raise _DialError(f"dial tcp: lookup {host}: no such host") from None
    except OSError as error:
        raise _DialError(f"dial tcp {host}:{port}: connect: {str(error.strerror or error).lower()}") from None
    except paramiko.SSHException as error:
        raise _DialError(f"ssh: rejected: connect failed ({error})") from None


def _handshake(transport: paramiko.Transport, pinned: paramiko.PKey | None, timeout: float | None) -> None:
    if pinned is not None:
        name = pinned.get_name()
        transport.get_security_options().key_types = _RSA_ALGORITHMS if name == "ssh-rsa" else (name,)
    try:
        transport.start_client(timeout=timeout or 0)
    except (paramiko.SSHException, OSError, EOFError) as error:
        reason = "no common algorithm for host key" if "host key" in str(error) else str(error) or "EOF"
        raise _DialError(f"ssh: handshake failed: ssh: {reason}") from None
    if pinned is not None and transport.get_remote_server_key() != pinned:
        raise _DialError("ssh: handshake failed: ssh: host key mismatch")


def _authenticate(transport: paramiko.Transport, connection: Values, keys: list[paramiko.PKey]) -> None:
    user = str(connection.get("user") or _DEFAULTS["user"])
    attempts: list[tuple[str, Callable[[], object]]] = [
        ("publickey", partial(transport.auth_publickey, user, key)) for key in keys
    ]
    if connection.get("password"):
        attempts.append(("password", partial(transport.auth_password, user, str(connection["password"]))))
    tried = ["none"]
    for method, attempt in attempts:
        tried.append(method)
        try:
            attempt()
        except (paramiko.SSHException, EOFError, OSError):
            if not transport.is_active():
                break
        if transport.is_authenticated():
            return
    methods = " ".join(dict.fromkeys(tried))
    raise _DialError(
        f"ssh: handshake failed: ssh: unable to authenticate, attempted methods [{methods}], "
        "no supported methods remain"
    )


def _private_keys(connection: Values) -> list[paramiko.PKey]:
    keys: list[paramiko.PKey] = []
    if connection.get("privateKey"):
        keys.append(_private_key(str(connection["privateKey"]), connection.get("privateKeyPassword")))
    agent_path = connection.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK")
    if agent_path:
        if not os.path.exists(agent_path):  # noqa: PTH110
            raise ProviderError(f"dial unix {agent_path}: connect: no such file or directory")
        os.environ["SSH_AUTH_SOCK"] = agent_path
        keys += paramiko.Agent().get_keys()
    return keys


def _private_key(text: str, password: str | None) -> paramiko.PKey:
    """A key in OpenSSH or PEM form."""
    secret = password.encode() if password else None
    load = (
        serialization.load_ssh_private_key if "BEGIN OPENSSH" in text else serialization.load_pem_private_key
    )
    try:
        key: Any = load(text.encode(), secret)
        openssh = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
        name = (
            key.public_key()
            .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
            .decode()
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProviderError(
            "connection.privateKey: ssh: no key found: give an OpenSSH or PEM private key, "
            "and privateKeyPassword if it is encrypted"
        ) from None
    found: paramiko.PKey = _class_of(name).from_private_key(io.StringIO(openssh))
    return found


def _public_key(text: str) -> paramiko.PKey:
    """A key as in `known_hosts` without the host: `ssh-ed25519 AAAA…`."""
    try:
        name, data = text.split()[:2]
        found: paramiko.PKey = _class_of(name)(data=base64.b64decode(data))
    except (ValueError, paramiko.SSHException):
        raise ProviderError("connection.hostKey: failed to parse host key: ssh: no key found") from None
    return found


def _class_of(name: str) -> Any:
    for prefix, kind in _KEY_TYPES:
        if name.startswith(prefix):
            return kind
    raise ValueError(name)
