"""How an engine is reached, and with which credentials images are pulled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rehearsal.plugins.docker import removal
from rehearsal.plugins.docker.engine import EngineError
from rehearsal.plugins.docker.provider import DockerProvider
from rehearsal.plugins.docker.registry import Registries, registry_of, split_reference
from rehearsal.plugins.docker.ssh import SshTarget
from rehearsal.plugins.provider import ProviderError


@pytest.mark.parametrize(
    ("target", "command"),
    [
        (
            SshTarget("ssh://deploy@203.0.113.9"),
            "ssh -o ConnectTimeout=30 -T -l deploy -- 203.0.113.9 docker system dial-stdio",
        ),
        (
            SshTarget("ssh://203.0.113.9:2222", ("-o", "ConnectTimeout=5")),
            "ssh -o ConnectTimeout=5 -T -p 2222 -- 203.0.113.9 docker system dial-stdio",
        ),
        (
            SshTarget("ssh://box/run/docker.sock", ("-o IdentityFile=~/.ssh/id", "-o ConnectTimeout=5")),
            "ssh -o IdentityFile=~/.ssh/id -o ConnectTimeout=5 -T -- box "
            "docker --host=unix:///run/docker.sock system dial-stdio",
        ),
    ],
)
def test_ssh_runs_what_the_docker_cli_runs(target: SshTarget, command: str) -> None:
    assert " ".join(target.command()) == command


@pytest.mark.parametrize("url", ["ssh://", "ssh:///path", "ssh://user:password@box"])
def test_an_address_that_ssh_cannot_use_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ProviderError) as failure:
        SshTarget(url).command()
    assert "user:password" not in str(failure.value)


@pytest.mark.parametrize(
    ("image", "registry", "parts"),
    [
        ("postgres:15", "registry-1.docker.io", ("postgres", "15")),
        ("nickfedor/watchtower", "registry-1.docker.io", ("nickfedor/watchtower", "latest")),
        ("ghcr.io/a/b:1@sha256:ab", "ghcr.io", ("ghcr.io/a/b", "sha256:ab")),
        ("localhost:5000/a", "localhost:5000", ("localhost:5000/a", "latest")),
        ("127.0.0.1:5077/a:1", "127.0.0.1:5077", ("127.0.0.1:5077/a", "1")),
    ],
)
def test_a_reference_names_registry_repository_and_tag_or_digest(
    image: str, registry: str, parts: tuple[str, str]
) -> None:
    assert registry_of(image) == registry
    assert split_reference(image) == parts


def test_credentials_belong_to_their_registry(tmp_path: Path) -> None:
    content = json.dumps({"auths": {"quay.io": {"auth": "dXNlcjpwYXNz"}}})
    registries = Registries.of(
        [
            {"address": "https://ghcr.io/v2", "username": "u", "password": "p"},
            {"address": "docker.io", "username": "hub", "password": "h"},
            {"address": "quay.io", "configFileContent": content},
            {"address": "open.example", "authDisabled": True},
        ]
    )
    login = registries.login("ghcr.io/a/b")
    assert login == {"serveraddress": "https://ghcr.io", "username": "u", "password": "p"}
    assert (registries.login("postgres:15") or {})["username"] == "hub"
    assert (registries.login("quay.io/a") or {})["password"] == "pass"
    assert (registries.login("open.example/a") or {})["username"] == "username"
    assert registries.login("other.example/a") is None


def test_credentials_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"could not open config file from filePath: .*/none"):
        Registries.of([{"address": "ghcr.io", "configFile": f"{tmp_path}/none"}])
    with pytest.raises(ProviderError, match=r"Error parsing docker registry config json of ghcr\.io"):
        Registries.of([{"address": "ghcr.io", "configFileContent": "{"}])


def test_the_host_comes_from_the_configuration_then_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert DockerProvider().check_config({})[0] == {"host": "unix:///var/run/docker.sock"}
    monkeypatch.setenv("DOCKER_HOST", "tcp://203.0.113.9:2375")
    assert DockerProvider().check_config({})[0] == {"host": "tcp://203.0.113.9:2375"}
    assert DockerProvider().check_config({"host": "ssh://box"})[0] == {"host": "ssh://box"}


def test_configuration_that_the_stand_in_does_not_offer_is_refused() -> None:
    _, failures = DockerProvider().check_config({"keyMaterial": "k", "context": "c"})
    assert [failure.property for failure in failures] == ["context", "keyMaterial"]


def test_configure_dials_nothing_and_takes_parts_as_json_text(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = DockerProvider()
    auth = json.dumps([{"address": "ghcr.io", "username": "u", "password": "p"}])
    provider.configure({"host": "ssh://deploy@203.0.113.9", "sshOpts": '["-o", "A=b"]', "registryAuth": auth})
    assert (provider.registries.login("ghcr.io/a") or {})["username"] == "u"


def test_recording_needs_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSAL_DOCKER", "record")
    monkeypatch.delenv("REHEARSAL_STATE", raising=False)
    with pytest.raises(ProviderError, match="needs REHEARSAL_STATE"):
        DockerProvider().engine()


@pytest.mark.parametrize(("answers", "waits"), [(0, 0), (3, 3)])
def test_what_is_in_use_is_removed_once_it_is_free(
    monkeypatch: pytest.MonkeyPatch, answers: int, waits: int
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(removal, "wait", waited.append)
    left = [EngineError(409, "volume is in use")] * answers

    def remove() -> None:
        if left:
            raise left.pop()

    removal.remove_when_free(remove, "volume is in use", "in_use")
    assert waited == [5] * waits


def test_what_stays_in_use_fails_after_thirty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(removal, "wait", waited.append)

    def remove() -> None:
        raise EngineError(403, "network n has active endpoints")

    with pytest.raises(ProviderError, match=r"last state: 'pending', timeout: 30s.*has active endpoints"):
        removal.remove_when_free(remove, "has active endpoints", "pending")
    assert sum(waited) == 30
