"""The docker provider: its configuration, and the engine that its resources work on."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from rehearsal.plugins import shapes
from rehearsal.plugins.docker.common import DockerResource
from rehearsal.plugins.docker.container import Container
from rehearsal.plugins.docker.engine import Engine
from rehearsal.plugins.docker.image import RemoteImage
from rehearsal.plugins.docker.network import Network
from rehearsal.plugins.docker.recorded import RecordedEngine, host_name
from rehearsal.plugins.docker.registry import Registries
from rehearsal.plugins.docker.volume import Volume
from rehearsal.plugins.provider import CheckFailure, Provider, ProviderError, Values, log

_RESOURCES: dict[str, type[DockerResource]] = {
    "docker:index/container:Container": Container,
    "docker:index/network:Network": Network,
    "docker:index/remoteImage:RemoteImage": RemoteImage,
    "docker:index/volume:Volume": Volume,
}
_DEFAULT_HOST = "unix:///var/run/docker.sock"
_NOT_OFFERED = frozenset({"caMaterial", "certMaterial", "keyMaterial", "context"})


class DockerProvider(Provider):
    """Configured by `host`, `sshOpts`, `registryAuth`, `certPath`; `REHEARSAL_DOCKER=record` only records.

    Nothing is dialled before a resource needs the engine: a preview of new resources never does.
    """

    name = "docker"
    version = "5.2.0"
    secret_config = frozenset({"registryAuth"})

    def __init__(self) -> None:
        self.registries = Registries()
        self._config: Values = {}
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        known = shapes.load(Path(__file__).with_name("shapes.json"))
        self.resources = {
            token: kind(known[token], self.engine, lambda: self.registries)
            for token, kind in _RESOURCES.items()
        }

    def check_config(self, news: Values) -> tuple[Values, list[CheckFailure]]:
        """The host defaults to DOCKER_HOST, else to the socket of this machine."""
        failures = [
            CheckFailure(
                name, f"{name} is not offered by the stand-in plugin docker: use host, sshOpts or certPath"
            )
            for name in sorted(_NOT_OFFERED & news.keys())
        ]
        return {"host": os.environ.get("DOCKER_HOST") or _DEFAULT_HOST, **news}, failures

    def configure(self, config: Values) -> None:
        """Take the configuration; parts of it come as JSON text, as SDKs send them."""
        self._config = {name: _value(value) for name, value in config.items()}
        self.registries = Registries.of(self._config.get("registryAuth") or [])

    def engine(self) -> Engine:
        """The engine, connected. Raises `ProviderError`, in the official words, if it cannot be reached."""
        with self._lock:
            if self._engine is None:
                self._engine = self._connect()
            return self._engine

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None

    def _connect(self) -> Engine:
        host = str(self._config.get("host") or os.environ.get("DOCKER_HOST") or _DEFAULT_HOST)
        if os.environ.get("REHEARSAL_DOCKER") == "record":
            return _recorded(host)
        from rehearsal.plugins.docker.live import LiveEngine  # the SDK takes a third of a second

        ssh_options = self._config.get("sshOpts") or os.environ.get("DOCKER_SSH_OPTS", "").split()
        cert_path = self._config.get("certPath") or os.environ.get("DOCKER_CERT_PATH", "")
        try:
            return LiveEngine(host, tuple(map(str, ssh_options)), str(cert_path))
        except ProviderError as error:
            raise ProviderError(
                "failed to create Docker client: Error pinging Docker server, please make sure that "
                f"{host} is reachable and has a  '_ping' endpoint. Error: {error}"
            ) from None


def _recorded(host: str) -> RecordedEngine:
    state = os.environ.get("REHEARSAL_STATE")
    if not state:
        raise ProviderError(
            "REHEARSAL_DOCKER=record needs REHEARSAL_STATE, the folder of the rehearsal's state: set it"
        )
    folder = Path(state) / "docker"
    log(f"docker: nothing runs, the containers of {host_name(host)} are only recorded in {folder}")
    return RecordedEngine(folder, host_name(host))


def _value(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
