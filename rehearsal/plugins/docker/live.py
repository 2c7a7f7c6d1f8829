"""A Docker engine that runs: on this machine (unix socket), over TCP, or over ssh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests

from rehearsal.plugins.docker.engine import Body, EngineError
from rehearsal.plugins.docker.registry import split_reference
from rehearsal.plugins.docker.ssh import SshAdapter, SshTarget
from rehearsal.plugins.provider import ProviderError

_NEWEST_API = (1, 51)
"""The newest API version that the official provider's client (28.5) speaks."""
_SECONDS_PER_CALL = 20 * 60
_CONNECTIONS = 64


class LiveEngine:
    """The engine at `host`. Connects at once; raises `ProviderError` if it cannot."""

    def __init__(self, host: str, ssh_options: tuple[str, ...] = (), cert_path: str = "") -> None:
        self._host = host
        self._client = _client(host, ssh_options, cert_path)
        with self._errors():
            # Not `ping`: it asks under a version, which an older engine refuses.
            offered = _version(self._client.version(api_version=False)["ApiVersion"])
        self._api_version = min(offered, _NEWEST_API)
        self._client._version = ".".join(map(str, self._api_version))

    @property
    def api_version(self) -> tuple[int, int]:
        """See `Engine`."""
        return self._api_version

    def create_container(self, name: str, body: Body, platform: str) -> str:
        """See `Engine`."""
        with self._errors():
            made = self._client.create_container_from_config(body, name, platform or None)
        return str(made["Id"])

    def inspect_container(self, container: str) -> Body:
        """See `Engine`."""
        with self._errors():
            return dict(self._client.inspect_container(container))

    def start_container(self, container: str) -> None:
        """See `Engine`."""
        with self._errors():
            self._client.start(container)

    def stop_container(self, container: str, grace: int) -> None:
        """See `Engine`."""
        with self._errors():
            self._client.stop(container, timeout=grace)

    def remove_container(self, container: str, volumes: bool) -> None:
        """See `Engine`."""
        with self._errors():
            self._client.remove_container(container, v=volumes, force=True)

    def wait_container(self, container: str, condition: str) -> int:
        """See `Engine`."""
        with self._errors():
            return int(
                self._client.wait(container, timeout=_SECONDS_PER_CALL, condition=condition)["StatusCode"]
            )

    def update_container(self, container: str, body: Body) -> None:
        """See `Engine`."""
        self._post(f"/containers/{container}/update", body)

    def container_logs(self, container: str) -> str:
        """See `Engine`."""
        with self._errors():
            written: bytes = self._client.logs(container, stdout=True, stderr=True)
        return written.decode(errors="replace")

    def put_archive(self, container: str, path: str, archive: bytes) -> None:
        """See `Engine`."""
        with self._errors():
            self._client.put_archive(container, path, archive)

    def connect(self, network: str, container: str, endpoint: Body) -> None:
        """See `Engine`."""
        self._post(f"/networks/{network}/connect", {"Container": container, "EndpointConfig": endpoint})

    def disconnect(self, network: str, container: str) -> None:
        """See `Engine`."""
        self._post(f"/networks/{network}/disconnect", {"Container": container, "Force": False})

    def create_network(self, body: Body) -> str:
        """See `Engine`."""
        return str(self._post("/networks/create", {**body, "CheckDuplicate": True})["Id"])

    def inspect_network(self, network: str) -> Body:
        """See `Engine`."""
        with self._errors():
            return dict(self._client.inspect_network(network))

    def remove_network(self, network: str) -> None:
        """See `Engine`."""
        with self._errors():
            self._client.remove_network(network)

    def create_volume(self, body: Body) -> Body:
        """See `Engine`."""
        return self._post("/volumes/create", body)

    def inspect_volume(self, volume: str) -> Body:
        """See `Engine`."""
        with self._errors():
            return dict(self._client.inspect_volume(volume))

    def remove_volume(self, volume: str) -> None:
        """See `Engine`."""
        with self._errors():
            self._client.remove_volume(volume, force=True)

    def inspect_image(self, image: str) -> Body:
        """See `Engine`."""
        with self._errors():
            return dict(self._client.inspect_image(image))

    def pull_image(self, image: str, platform: str, auth: Body | None) -> None:
        """See `Engine`."""
        repository, tag = split_reference(image)
        with self._errors():
            for line in self._client.pull(
                repository, tag, auth_config=auth or {}, platform=platform or None, stream=True, decode=True
            ):
                if line.get("error"):
                    raise EngineError(500, str(line["error"]))

    def remove_image(self, image: str, force: bool) -> None:
        """See `Engine`."""
        with self._errors():
            self._client.remove_image(image, force=force)

    def close(self) -> None:
        """See `Engine`."""
        self._client.close()

    def _post(self, path: str, body: Body) -> Body:
        with self._errors():
            response = self._client._post_json(self._client._url(path), data=body)
            return dict(self._client._result(response, True)) if response.content else {}

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except docker.errors.APIError as error:
            status = error.response.status_code if error.response is not None else 500
            raise EngineError(status, str(error.explanation or error)) from None
        except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
            raise _unreachable(self._host, error) from None


def _client(host: str, ssh_options: tuple[str, ...], cert_path: str) -> docker.APIClient:
    first = ".".join(map(str, _NEWEST_API))
    try:
        if host.startswith("ssh://"):
            target = SshTarget(host, ssh_options)
            target.command()
            client = docker.APIClient("tcp://docker.example.com:80", version=first, timeout=_SECONDS_PER_CALL)
            client.mount("http://", SshAdapter(target))
        else:
            tls = _tls(cert_path) if cert_path and not host.startswith("unix://") else False
            client = docker.APIClient(
                host, version=first, timeout=_SECONDS_PER_CALL, tls=tls, max_pool_size=_CONNECTIONS
            )
    except docker.errors.DockerException as error:
        raise ProviderError(f"unable to parse docker host `{host}`: {error}") from None
    client.trust_env = False  # proxies of the environment are not for a Docker engine
    return client


def _tls(cert_path: str) -> docker.tls.TLSConfig:
    return docker.tls.TLSConfig(
        client_cert=(f"{cert_path}/cert.pem", f"{cert_path}/key.pem"),
        ca_cert=f"{cert_path}/ca.pem",
        verify=True,
    )


def _unreachable(host: str, error: Exception) -> ProviderError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ProviderError):
            return cause
        cause = cause.__cause__ or cause.__context__
    if host.startswith(("unix://", "tcp://")) and isinstance(error, requests.exceptions.ConnectionError):
        return ProviderError(f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?")
    return ProviderError(f"error during connect: {error}")


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)
