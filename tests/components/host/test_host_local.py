"""What a stack of kind local declares: the Docker of this machine, and nothing else."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.host import Host, HostArgs
from components.settings.host import Host as Settings
from rehearsal.declared.recording import Recorded, deploy


def declare(program: Any = lambda host: host) -> Recorded:
    args = HostArgs(stack="local", settings=Settings.model_validate({"kind": "local"}))
    return deploy(lambda: program(Host("host", args)), stack="local")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")


def test_local_declares_a_docker_provider_and_no_machine() -> None:
    recorded = declare()
    assert recorded.types() == {
        "jira-plus-plus:host:Host",
        "jira-plus-plus:host:Local",
        "pulumi:providers:docker",
    }, "no server, firewall, key or command is needed on one's own machine"
    assert recorded.one("host-docker").inputs == {"host": "unix:///var/run/docker.sock"}


def test_docker_host_of_the_environment_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    assert declare().one("host-docker").inputs == {"host": "unix:///run/user/1000/docker.sock"}


def test_the_hosts_face_says_what_local_lacks() -> None:
    host = _host()
    assert host.connection is None
    assert host.server is None
    assert host.ipv4 is None
    assert host.ipv6 is None
    assert host.ssh is None
    assert host.data_path is None, "data lives in named volumes"
    assert host.files_root == "/state/jira-plus-plus/local"
    assert host.sudo == ""
    assert host.ready is host.docker_provider


def _host() -> Host:
    hosts: list[Host] = []
    declare(hosts.append)
    return hosts[0]


def test_a_command_runs_here_without_any_connection() -> None:
    recorded = declare(lambda host: host.run("job", create="true", delete="false", triggers=["1"]) and None)
    job = recorded.one("job")
    assert job.type == "command:local:Command"
    assert job.inputs == {
        "create": "true",
        "delete": "false",
        "triggers": ["1"],
        "logging": "stderr",
        "addPreviousOutputInEnv": False,
    }
    assert not job.request.deletedWith, "its delete is the only one that will run"
    assert not job.request.replace_with


def test_local_imports_no_clouds_sdk() -> None:
    """The promise that a preview of local is fast rests on this: the SDKs cost seconds."""
    code = (
        "import sys\n"
        "from tests.components.host.test_host_local import declare\n"
        "import components.edge\n"
        "declare()\n"
        "print([m for m in ('pulumi_hcloud', 'pulumi_cloudflare') if m in sys.modules])"
    )
    root = Path(__file__).parents[3]
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"
