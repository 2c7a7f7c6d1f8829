"""Autoheal and watchtower as the program starts them: they outlast their filter, and their health tells."""

from __future__ import annotations

import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from components.containers.borrowed import BUSYBOX, BUSYBOX_FOLDERS, fill
from components.containers.health import http
from components.services import autoheal, socket_proxy, watchtower
from tests.live.images.asking import Run, succeeds, until

pytestmark = pytest.mark.live

LABEL = "jira-plus-plus.image-test-heals"
TMPFS = {"/tmp": ""}
SOCKET = {socket_proxy.SOCKET: {"bind": socket_proxy.SOCKET, "mode": "ro"}}
SECOND = 10**9
Patients = Callable[..., Container]


@pytest.fixture(scope="module")
def filtered(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Container]:
    """Starts the filter of a consumer, as the program has it."""

    def start(consumer: str) -> Container:
        folder = tmp_path_factory.mktemp(consumer)
        (folder / "haproxy.cfg").write_text(socket_proxy.config(socket_proxy.ALLOWED[consumer]))
        folder.chmod(0o755)
        container = run(
            "socket_proxy",
            name=f"socket-{consumer}",
            user="0:0",
            entrypoint=["haproxy", "-db", "-f", socket_proxy.CONFIG],
            volumes=SOCKET | {str(folder): {"bind": "/usr/local/etc/haproxy", "mode": "ro"}},
            init=True,
        )
        until(lambda: succeeds(container, *http(socket_proxy.PORT, "/_ping")), "Docker answers through it")
        return container

    return start


@pytest.fixture(scope="module")
def docker_for_autoheal(filtered: Callable[[str], Container]) -> Container:
    return filtered("autoheal")


@pytest.fixture(scope="module")
def healer(run: Run, docker_for_autoheal: Container) -> Container:
    """Autoheal, with an interval of a second."""
    return run(
        "autoheal",
        f"http://socket-autoheal:{socket_proxy.PORT}",
        LABEL,
        "1",
        autoheal.HEARTBEAT,
        entrypoint=["/bin/sh", f"{autoheal.FOLDER}/autoheal.sh"],
        user=autoheal.USER,
        volumes={
            str(autoheal.HERE / file): {"bind": f"{autoheal.FOLDER}/{file}", "mode": "ro"}
            for file in ("autoheal.sh", "heartbeat.sh")
        },
        tmpfs=TMPFS,
        init=True,
    )


def well(healer: Container, seconds: int = 5) -> bool:
    """What the health check of the program says, with less patience."""
    return succeeds(healer, "/bin/sh", f"{autoheal.FOLDER}/heartbeat.sh", autoheal.HEARTBEAT, str(seconds))


def started(container: Container) -> str:
    container.reload()
    return str(container.attrs["State"]["StartedAt"])


@pytest.fixture
def patient(client: docker.DockerClient, images: dict[str, str]) -> Iterator[Patients]:
    """Starts containers that turn unhealthy after a second."""
    made: list[Container] = []

    def start(*command: str, label: bool = True, **options: Any) -> Container:
        container = client.containers.create(
            images["alpine"],
            list(command) or ["sleep", "600"],
            labels={"jira-plus-plus": "image-test"} | ({LABEL: "true"} if label else {}),
            network_mode="none",
            healthcheck={"test": ["CMD", "false"], "interval": SECOND, "retries": 1},
            **options,
        )
        made.append(container)
        container.start()
        return container

    yield start
    for container in made:
        container.remove(force=True)


def test_what_is_unhealthy_and_labelled_is_restarted_and_nothing_else(
    healer: Container, patient: Patients
) -> None:
    labelled, bare = patient(init=True), patient(label=False, init=True)
    before = {container.id: started(container) for container in (labelled, bare)}
    until(lambda: started(labelled) != before[labelled.id], "the labelled one was restarted", 30)
    assert started(bare) == before[bare.id]
    until(lambda: f"{labelled.name} ({labelled.id}) was unhealthy" in healer.logs().decode(), "it is said")
    assert bare.id not in healer.logs().decode()


def test_one_that_takes_its_whole_grace_keeps_no_other_waiting(healer: Container, patient: Patients) -> None:
    patient("sh", "-c", "trap '' TERM; while :; do sleep 1; done", stop_signal="SIGTERM")
    time.sleep(3)  # its restart is under way: Docker waits ten seconds before it kills
    quick = patient(init=True)
    before = started(quick)
    begun = time.monotonic()
    until(lambda: started(quick) != before, "the quick one was restarted", 30)
    assert time.monotonic() - begun < 9


def test_it_outlasts_its_filter_and_its_health_says_that_it_is_away(
    healer: Container, docker_for_autoheal: Container
) -> None:
    until(lambda: well(healer), "it looks")
    before = started(healer)
    docker_for_autoheal.stop(timeout=1)
    until(lambda: not well(healer), "its health tells that nobody answers", 30)
    time.sleep(3)
    docker_for_autoheal.start()
    until(lambda: well(healer), "it looks again", 30)
    assert started(healer) == before, "it never ended"
    log = healer.logs().decode()
    assert log.count("the containers cannot be listed") == 1, "said once, not at every look"
    assert "Docker answers again" in log


def test_the_health_is_that_of_the_loop_and_not_of_a_name(healer: Container) -> None:
    until(lambda: well(healer), "it looks")
    loop = healer.exec_run(["pgrep", "-f", "^/bin/sh .*autoheal.sh"]).output.decode().split()[0]
    assert succeeds(healer, "kill", "-STOP", loop)
    try:
        until(lambda: not well(healer), "a loop that hangs is found", 30)
        assert succeeds(healer, "pgrep", "-f", "autoheal"), "which the image's own check does not see"
    finally:
        assert succeeds(healer, "kill", "-CONT", loop)
    until(lambda: well(healer), "it goes on")


def test_the_image_s_own_script_takes_no_tcp_and_ends_without_its_filter(run: Run, tmp_path: Path) -> None:
    """Why the program brings its own: shown on the stand-in, which does as 1.2.0 does."""
    tcp = run("autoheal", environment={"DOCKER_SOCK": socket_proxy.endpoint("autoheal")}, init=True)
    assert tcp.wait(timeout=30)["StatusCode"] == 127
    (tmp_path / "docker.sock").touch()
    tmp_path.chmod(0o755)
    folder = {str(tmp_path): {"bind": "/run/docker", "mode": "ro"}}
    alone = run("autoheal", environment={"DOCKER_SOCK": "/run/docker/docker.sock"}, volumes=folder, init=True)
    assert alone.wait(timeout=30)["StatusCode"] != 0


@pytest.fixture(scope="module")
def docker_for_watchtower(filtered: Callable[[str], Container]) -> Container:
    return filtered("watchtower")


@pytest.fixture(scope="session")
def volumes(client: docker.DockerClient, images: dict[str, str]) -> Iterator[list[str]]:
    """BusyBox from the filter's image, in volumes that are filled as the program does; of the session, as
    they are in use until the containers of this file are gone."""
    names = [f"jira-plus-plus-image-test-{uuid.uuid4().hex[:8]}" for _ in BUSYBOX_FOLDERS]
    for name in names:
        client.volumes.create(name, labels={"jira-plus-plus": "image-test"})
    subprocess.run(
        shlex.split(fill(dict(zip(names, BUSYBOX_FOLDERS, strict=True)), images["socket_proxy"])), check=True
    )
    yield names
    for name in names:
        client.volumes.get(name).remove()


@pytest.fixture(scope="module")
def watcher(run: Run, volumes: list[str], docker_for_watchtower: Container) -> Container:
    return run(
        "watchtower",
        user=watchtower.USER,
        environment={
            "DOCKER_HOST": socket_proxy.endpoint("watchtower"),
            "WATCHTOWER_HTTP_API_ENDPOINTS": "health",
            "WATCHTOWER_HTTP_API_HOST": "127.0.0.1",
            "WATCHTOWER_HTTP_API_PORT": str(watchtower.HEALTH_PORT),
            "WATCHTOWER_LABEL_ENABLE": "true",
            "WATCHTOWER_MONITOR_ONLY": "true",
            "WATCHTOWER_SCHEDULE": watchtower.SCHEDULE,
        },
        volumes={
            name: {"bind": folder, "mode": "ro"}
            for name, folder in zip(volumes, BUSYBOX_FOLDERS, strict=True)
        },
        init=True,
    )


def ready(watcher: Container) -> bool:
    return succeeds(watcher, BUSYBOX, *http(watchtower.HEALTH_PORT, "/readyz"))


def test_watchtower_s_health_is_that_of_the_process_and_of_its_way_to_docker(
    watcher: Container, docker_for_watchtower: Container
) -> None:
    until(lambda: ready(watcher), "it is ready")
    docker_for_watchtower.stop(timeout=1)
    until(lambda: not ready(watcher), "without its filter it is not", 30)
    assert succeeds(watcher, "/watchtower", "--health-check"), "which the image's own check does not see"
    docker_for_watchtower.start()
    until(lambda: ready(watcher), "it is again", 30)


def test_a_watchtower_that_hangs_is_not_ready(watcher: Container) -> None:
    until(lambda: ready(watcher), "it is ready")
    pid = watcher.exec_run([BUSYBOX, "pgrep", "-x", "/watchtower"]).output.decode().split()[0]
    assert succeeds(watcher, BUSYBOX, "kill", "-STOP", pid)
    check = (BUSYBOX, "timeout", "3", BUSYBOX, *http(watchtower.HEALTH_PORT, "/readyz"))
    try:
        assert not succeeds(watcher, *check)
    finally:
        assert succeeds(watcher, BUSYBOX, "kill", "-CONT", pid)
    until(lambda: ready(watcher), "it goes on")
