"""Traefik, the socket proxy, restic and Node: each does its work hardened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.live.images.asking import Run, finished, output, succeeds, until
from tests.live.images.conftest import LABELS

pytestmark = pytest.mark.live

PROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend docker
  bind :2375
  acl lists path -m reg ^(/v[0-9.]+)?/(_ping|version|containers/json)$
  acl restarts path -m reg /containers/[a-z0-9]+/restart$
  http-request deny unless METH_GET lists or METH_POST restarts
  default_backend socket
backend socket
  server docker /var/run/docker.sock
"""
SOCKET = {"/var/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "ro"}}
FETCH = ("wget", "-q", "-O", "-")


def test_traefik_is_the_version_it_says_and_healthy_by_its_own_check(run: Run) -> None:
    traefik = run("traefik", "--ping=true", "--entrypoints.web.address=:80", "--log.level=INFO")
    until(lambda: succeeds(traefik, "traefik", "healthcheck", "--ping"), "Traefik is healthy")
    assert "Version:      3.7.13" in output(traefik, "traefik", "version")
    assert "OK" in output(traefik, *FETCH, "http://127.0.0.1:8080/ping")


@pytest.fixture(scope="module")
def socket_group() -> int:
    return Path("/var/run/docker.sock").stat().st_gid


@pytest.fixture(scope="module")
def proxy(run: Run, tmp_path_factory: pytest.TempPathFactory, socket_group: int) -> str:
    """The name of a socket proxy that lets a list and a restart through."""
    config = tmp_path_factory.mktemp("proxy") / "haproxy.cfg"
    config.write_text(PROXY)
    config.parent.chmod(0o755)
    volumes = SOCKET | {str(config): {"bind": "/usr/local/etc/haproxy/haproxy.cfg", "mode": "ro"}}
    container = run("socket_proxy", name="socket", user=f"99:{socket_group}", volumes=volumes)
    assert output(container, "id", "-un") == "haproxy"
    until(lambda: b"Loading success" in container.logs() or succeeds(container, "true"), "haproxy runs")
    return "socket"


def test_the_socket_proxy_lets_through_what_it_lists(run: Run, proxy: str) -> None:
    client = run("autoheal", "sleep", "60", tmpfs={"/tmp": ""})
    until(lambda: succeeds(client, *FETCH, f"http://{proxy}:2375/_ping"), "the proxy answers")
    assert succeeds(client, *FETCH, f"http://{proxy}:2375/v1.41/containers/json")
    status = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}")
    assert output(client, *status, f"http://{proxy}:2375/v1.41/images/json") == "403"
    assert output(client, *status, "-X", "POST", f"http://{proxy}:2375/v1.41/containers/create") == "403"


def test_restic_restores_what_it_stored(run: Run) -> None:
    script = (
        "restic init -q && echo kept > /tmp/file && restic backup -q /tmp/file && restic check -q && "
        "restic restore latest -q --target /tmp/out >/dev/null && cat /tmp/out/tmp/file"
    )
    environment = {
        "RESTIC_REPOSITORY": "/tmp/repository",
        "RESTIC_PASSWORD": "secret",
        "RESTIC_CACHE_DIR": "/tmp/cache",
    }
    job = run("restic", "-c", script, entrypoint=["sh"], environment=environment, tmpfs={"/tmp": ""})
    assert finished(job) == "kept"


@pytest.fixture(scope="session")
def volumes(client: docker.DockerClient) -> Iterator[list[str]]:
    """New ones; of the session, as they are in use until the containers of this file are gone."""
    names = [client.volumes.create(labels=LABELS).name for _ in range(2)]
    yield names
    for name in names:
        client.volumes.get(name).remove()


def test_restic_and_the_certificates_serve_another_image_from_volumes(run: Run, volumes: list[str]) -> None:
    """Docker fills a new volume with what the image has; there restic finds none of its own libraries."""

    def mounted(*places: str) -> dict[str, dict[str, str]]:
        return {name: {"bind": place, "mode": "ro"} for name, place in zip(volumes, places, strict=True)}

    told = finished(run("restic", "version", volumes=mounted("/usr/bin", "/etc/ssl/certs")))
    assert told.startswith("restic 0.18.1 ")
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    script = f"test -s {bundle} -a ! -L {bundle} && /opt/restic/restic version"
    elsewhere = mounted("/opt/restic", "/etc/ssl/certs")
    assert finished(run("postgres", "-c", script, entrypoint=["sh"], volumes=elsewhere)) == told


def test_node_is_20_and_runs_a_script_as_its_user(run: Run) -> None:
    script = "console.log(process.version.split('.')[0], process.getuid())"
    assert finished(run("node", "-e", script, user="node", tmpfs={"/tmp": ""})) == "v20 1000"
    assert finished(run("node", "npm", "--version", user="node", tmpfs={"/tmp": ""})).startswith("10.")
