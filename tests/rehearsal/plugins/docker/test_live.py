"""The live engine: real containers, on this machine's Docker and over ssh."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import pytest

from rehearsal.plugins.docker.live import LiveEngine
from rehearsal.plugins.docker.provider import DockerProvider
from rehearsal.plugins.provider import InitFailed, ProviderError, Values
from tests.rehearsal.plugins.command_sshd import Sshd, sshd
from tests.rehearsal.plugins.docker_stack import LABEL

pytestmark = pytest.mark.live

LABELS = [{"label": "jira-plus-plus", "value": LABEL}]
LOOP = ["sh", "-c", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done"]
CHECK = {"tests": ["CMD", "true"], "interval": "1s"}


@pytest.fixture(autouse=True)
def _running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REHEARSAL_DOCKER", raising=False)


@pytest.fixture
def provider(clean: docker.DockerClient) -> Iterator[DockerProvider]:
    provider = DockerProvider()
    provider.configure({})
    yield provider
    provider.close()


def make(provider: DockerProvider, kind: str, **news: Any) -> tuple[str, Values]:
    resource = provider.resources[f"docker:index/{kind[0].lower()}{kind[1:]}:{kind}"]
    given = {"name": f"jira-plus-plus-{LABEL}-{os.urandom(4).hex()}", "labels": LABELS, **news}
    inputs, failures = resource.check({}, given, b"")
    assert failures == []
    return resource.create(inputs, preview=False)


@contextlib.contextmanager
def container(provider: DockerProvider, image: str, **news: Any) -> Iterator[tuple[str, Values]]:
    made = make(provider, "Container", image=image, **{"command": LOOP, **news})
    try:
        yield made
    finally:
        provider.resources["docker:index/container:Container"].delete(made[0], {}, made[1])


def test_grace_lets_a_container_end_by_itself_and_without_it_is_killed(
    provider: DockerProvider, clean: docker.DockerClient, image: str
) -> None:
    codes = {}
    for grace in (10, 0):
        made, state = make(provider, "Container", image=image, command=LOOP, destroyGraceSeconds=grace)
        ends = clean.events(decode=True, filters={"container": made, "event": "die"})
        provider.resources["docker:index/container:Container"].delete(made, {}, state)
        codes[grace] = next(ends)["Actor"]["Attributes"]["exitCode"]
        ends.close()
    assert codes == {10: "0", 0: "137"}


def test_uploads_aliases_and_the_hardening_reach_the_container(
    provider: DockerProvider, clean: docker.DockerClient, image: str
) -> None:
    network, state = make(provider, "Network", internal=True)
    try:
        with container(
            provider,
            image,
            networksAdvanced=[{"name": network, "aliases": ["db"]}],
            uploads=[{"file": "/etc/app.conf", "content": "key=1\n", "permissions": "0600"}],
            capabilities={"drops": ["ALL"], "adds": ["chown"]},
            securityOpts=["no-new-privileges:true"],
            tmpfs={"/tmp": "size=1m"},
            user="1000",
            memory=32,
            memorySwap=32,
            cpus="0.25",
        ) as (made, outputs):
            found = clean.api.inspect_container(made)
            assert outputs["networkDatas"][0]["networkName"] == state["name"]
            assert "db" in found["NetworkSettings"]["Networks"][state["name"]]["Aliases"]
            assert "bridge" not in found["NetworkSettings"]["Networks"]
            host = found["HostConfig"]
            assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], ["CAP_CHOWN"])
            assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (32 << 20, 32 << 20, 250_000_000)
            run = clean.containers.get(made).exec_run(["stat", "-c", "%a %s", "/etc/app.conf"])
            assert run.output.decode().strip() == "600 6"
    finally:
        provider.resources["docker:index/network:Network"].delete(network, {}, state)


def test_a_container_that_never_becomes_healthy_stays_and_is_in_the_state(
    provider: DockerProvider, clean: docker.DockerClient, image: str
) -> None:
    sick = {"tests": ["CMD", "false"], "interval": "1s", "retries": 1}
    with pytest.raises(InitFailed, match="container failed to be in healthy state") as failure:
        make(provider, "Container", image=image, command=LOOP, healthcheck=sick, wait=True, waitTimeout=2)
    assert clean.containers.get(failure.value.resource_id).status == "running"
    clean.containers.get(failure.value.resource_id).remove(force=True)


def test_a_stopped_container_reads_as_one_that_an_update_starts(
    provider: DockerProvider, clean: docker.DockerClient, image: str
) -> None:
    resource = provider.resources["docker:index/container:Container"]
    with container(provider, image) as (made, state):
        clean.containers.get(made).kill()
        inputs = {"image": image, "command": LOOP, "labels": LABELS, "name": state["name"], "mustRun": True}
        read = resource.read(made, inputs, state)
        assert read is not None
        assert read[2]["mustRun"] is False
        news = resource.check(inputs, inputs, b"")[0]
        assert list(resource.diff(made, read[1], read[2], news).detailed) == ["mustRun"]
        resource.update(made, read[1], read[2], news, preview=False)
        assert clean.containers.get(made).status == "running"


def test_a_container_that_is_gone_reads_as_gone_and_is_deleted_without_a_word(
    provider: DockerProvider, clean: docker.DockerClient, image: str
) -> None:
    resource = provider.resources["docker:index/container:Container"]
    with container(provider, image) as (made, state):
        clean.containers.get(made).remove(force=True)
        assert resource.read(made, {}, state) is None


def test_a_network_with_a_container_is_removed_once_that_is_gone(
    provider: DockerProvider, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rehearsal.plugins.docker import removal

    network, state = make(provider, "Network")
    with contextlib.ExitStack() as stack:
        stack.enter_context(container(provider, image, networksAdvanced=[{"name": network}]))
        waited = []

        def wait(seconds: float) -> None:
            waited.append(seconds)
            stack.close()

        monkeypatch.setattr(removal, "wait", wait)
        provider.resources["docker:index/network:Network"].delete(network, {}, state)
    assert waited == [5]


def test_an_image_that_is_there_is_not_pulled_and_one_that_is_nowhere_is_named(
    provider: DockerProvider, image: str
) -> None:
    resource = provider.resources["docker:index/remoteImage:RemoteImage"]
    made, outputs = resource.create({"name": image, "keepLocally": True}, preview=False)
    assert made == outputs["imageId"] + image
    with pytest.raises(
        ProviderError, match=r"Unable to read Docker image into resource: unable to pull image 127"
    ):
        resource.create({"name": "127.0.0.1:1/none:1"}, preview=False)


# -- over ssh --


@pytest.fixture
def server(clean: docker.DockerClient) -> Iterator[Sshd]:
    with sshd(max_startups=5) as running:
        yield running


@pytest.fixture
def over_ssh(server: Sshd, tmp_path: Path) -> Iterator[DockerProvider]:
    provider = DockerProvider()
    provider.configure(ssh_config(server, tmp_path))
    yield provider
    provider.close()


def ssh_config(server: Sshd, folder: Path) -> Values:
    key, known = folder / "id", folder / "known_hosts"
    key.touch(0o600)
    key.write_text(server.client_key)
    known.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    options = [
        "IdentitiesOnly=yes",
        f"IdentityFile={key}",
        f"UserKnownHostsFile={known}",
        "StrictHostKeyChecking=yes",
    ]
    return {
        "host": f"ssh://deploy@127.0.0.1:{server.port}",
        "sshOpts": [part for option in options for part in ("-o", option)],
    }


def test_containers_run_over_ssh(over_ssh: DockerProvider, clean: docker.DockerClient, image: str) -> None:
    with container(over_ssh, image, healthcheck=CHECK, wait=True, waitTimeout=20) as (made, outputs):
        assert clean.containers.get(made).name == outputs["name"]


def test_many_calls_at_once_stay_below_the_limit_of_sshd(
    over_ssh: DockerProvider, server: Sshd, image: str
) -> None:
    def life(number: int) -> int:
        with container(over_ssh, image, name=f"jira-plus-plus-{LABEL}-{number}", destroyGraceSeconds=5):
            return number

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(life, range(12))) == list(range(12))
    assert server.dropped == 0
    assert server.connections <= 12, "connections are used again"


def test_no_ssh_process_stays_when_the_engine_is_done(over_ssh: DockerProvider, server: Sshd) -> None:
    over_ssh.engine()
    over_ssh.close()
    command = f"deploy@127.0.0.1:{server.port}"
    assert not [process for process in Path("/proc").glob("[0-9]*") if command in _command_line(process)]


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def test_another_host_key_is_refused_in_the_words_of_ssh(server: Sshd, tmp_path: Path) -> None:
    config = ssh_config(server, tmp_path)
    (tmp_path / "known_hosts").write_text("")
    provider = DockerProvider()
    provider.configure(config)
    with pytest.raises(ProviderError, match="is reachable and has a  '_ping' endpoint") as failure:
        provider.engine()
    assert "Host key verification failed" in str(failure.value)
    assert server.logins == 0


def test_the_engine_is_asked_for_its_version(clean: docker.DockerClient) -> None:
    engine = LiveEngine("unix:///var/run/docker.sock")
    assert ".".join(map(str, engine.api_version)) == clean.version()["ApiVersion"]
    engine.close()
