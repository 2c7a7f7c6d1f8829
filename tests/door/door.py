"""The proxy as a process of this machine: the stand-in's Traefik with the program's own two configurations.

In place of containers its services are a backend of the tests'; ports and paths are this machine's. All else
is what is deployed.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

from components.services.credentials import htpasswd
from components.services.routing import Routing, dynamic_config
from components.services.traefik import static_config
from components.settings.tls import Tls
from tests.door.backend import serving
from tests.playbook.waiting import seconds_until
from tests.ports import free_ports

HOSTS = {
    "api": "api.example.com",
    "web": "app.example.com",
    "temporal": "temporal.example.com",
    "metrics": "metrics.example.com",
    "grafana": "grafana.example.com",
}
TLS = Tls(mode="self-signed")
PASSWORD = "secret-of-the-tests"
CLOUDFLARE, ELSEWHERE = "127.0.0.5", "127.0.0.6"
"""Addresses to ask from: Cloudflare's, and any other."""


@dataclass(frozen=True)
class Answer:
    """What a client was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def seen(self) -> dict[str, Any]:
        """The request as the backend saw it; the answer must be the backend's."""
        assert self.status == 200, f"{self.status} {self.body[:200]!r}"
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Door:
    """A proxy that runs."""

    port: int
    folder: Path

    def connection(self, host: str, source: str = ELSEWHERE, timeout: float = 20) -> HTTPConnection:
        """A connection by TLS from `source`, for requests to `host`."""
        context = ssl.create_default_context(cafile=str(self.folder / "trusted.pem"))
        connection = HTTPSConnection(
            "127.0.0.1", self.port, timeout=timeout, source_address=(source, 0), context=context
        )
        plain = socket.create_connection(("127.0.0.1", self.port), timeout, (source, 0))
        connection.sock = context.wrap_socket(plain, server_hostname=host)
        return connection

    def ask(
        self,
        name: str,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        source: str = ELSEWHERE,
    ) -> Answer:
        """One request to the host of `name`; `path` goes out as it is written."""
        with closing(self.connection(HOSTS[name], source)) as connection:
            return asked(connection, name, path, method, headers or {}, body)

    def statuses(self, name: str, paths: Iterable[str]) -> dict[str, int]:
        """The status of each path, asked one after the other on one connection."""
        with closing(self.connection(HOSTS[name])) as connection:
            return {path: asked(connection, name, path).status for path in paths}

    def log(self) -> list[dict[str, Any]]:
        """The access log."""
        lines = (self.folder / "log").read_text().splitlines()
        return [entry for line in lines if "RequestPath" in (entry := json.loads(line))]


def asked(
    connection: HTTPConnection,
    name: str,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] = {},
    body: bytes | None = None,
) -> Answer:
    """One request to the host of `name`, on `connection`; nothing but Host and Content-Length is added."""
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for header, value in {"Host": HOSTS[name], "Content-Length": str(len(body or b"")), **headers}.items():
        connection.putheader(header, value)
    connection.endheaders(body)
    response = connection.getresponse()
    return Answer(response.status, dict(response.headers), response.read())


@contextmanager
def opened(
    folder: Path,
    traefik: Path,
    *,
    tls: Tls = TLS,
    trusted: str = "",
    environment: Mapping[str, str] = {},
    routes: Callable[[dict[str, Any]], None] = lambda _: None,
    static: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Iterator[Door]:
    """Starts backend and proxy, with files in `folder`; `routes` and `static` may alter what they read.

    `trusted` are the roots, in PEM, of an authority that the door asks for its certificates.
    """
    certificate, key = self_signed(folder, *(f"DNS:{name}" for name in HOSTS.values()))
    (folder / "trusted.pem").write_text(trusted or certificate.read_text())
    port, ipv6, ping = free_ports(3)
    with ExitStack() as stack:
        backend = stack.enter_context(serving())
        routing = Routing(
            host_names=HOSTS,
            tls=tls,
            temporal_users=(f"admin:{htpasswd(PASSWORD)}",),
            metrics_users=(f"admin:{htpasswd(PASSWORD)}",),
            logs=True,
            grafana_users=(f"admin:{htpasswd(PASSWORD)}",),
            proxies=(f"{CLOUDFLARE}/32",),
            only_proxies=False,
            certificate=None if trusted else (certificate.read_text(), key.read_text()),
        )
        dynamic = json.loads(dynamic_config(routing))
        dynamic["http"]["services"] = {
            name: {"loadBalancer": {"servers": [{"url": backend}]}}
            for name in ("api", "web", "temporal-ui", "metrics", "logs", "grafana")
        }
        routes(dynamic)
        (folder / "dynamic").mkdir(exist_ok=True)
        (folder / "dynamic" / "routes.yaml").write_text(json.dumps(dynamic))
        config = json.loads(static_config(tls))
        config["providers"] = {"file": {"directory": str(folder / "dynamic")}}
        config["entryPoints"] = {
            "websecure": {**config["entryPoints"]["websecure"], "address": f"127.0.0.1:{port}"},
            "websecure-ipv6": {**config["entryPoints"]["websecure-ipv6"], "address": f"127.0.0.1:{ipv6}"},
            "ping": {"address": f"127.0.0.1:{ping}"},
        }
        static(config)
        (folder / "traefik.yaml").write_text(json.dumps(config))
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [traefik, f"--configfile={folder / 'traefik.yaml'}"],
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **environment},
            )
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            door = Door(port, folder)
            seconds_until("the proxy serves", lambda: door.ask("web", "/").status == 200, 60, every=0.1)
            yield door


def self_signed(folder: Path, *names: str) -> tuple[Path, Path]:
    """A certificate for `names`, as `DNS:…` or `IP:…`, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-nodes",
                "-days",
                "2",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ),
            *(
                "-subj",
                "/CN=door",
                "-addext",
                f"subjectAltName={','.join(names)}",
                "-keyout",
                str(key),
                "-out",
                str(certificate),
            ),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
