"""What a stack of kind existing declares: a server that is prepared, but neither made nor firewalled."""

import pwd
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from components.host import Host, HostArgs
from components.settings.host import Host as Settings
from rehearsal.declared.recording import Recorded, deploy

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd1ZvYxnzfMzIi3eRvCh2Zy2p6F0cTS0rQ1mC7m8f0G"


def computed(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    if type_ == "tls:index/privateKey:PrivateKey":
        return {
            "privateKeyOpenssh": pulumi.Output.secret("private\n"),
            "publicKeyOpenssh": "ssh-ed25519 public\n",
        }
    return {"stdout": "20.10.24"} if type_ == "command:remote:Command" else {}


def declare(
    user: str = "root",
    port: int = 22,
    private_key: Any = None,
    program: Any = lambda host: host,
    shared: bool = False,
) -> Recorded:
    settings = Settings.model_validate(
        {
            "kind": "existing",
            "address": "198.51.100.7",
            "memory_mb": 4096,
            "shared": shared,
            "ssh": {"user": user, "port": port, "host_key": HOST_KEY},
        }
    )
    args = HostArgs(stack="uat", settings=settings, private_key=private_key)
    return deploy(lambda: program(Host("host", args)), computed)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_dir=str(tmp_path)))
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    return tmp_path


def test_nothing_is_made_at_a_cloud_and_no_firewall_is_touched() -> None:
    assert not [t for t in declare().types() if t.startswith("hcloud:")]


def test_the_owners_user_logs_in_once_and_the_deploy_user_does_the_rest() -> None:
    recorded = declare()
    look, adopt, bootstrap, ready = (
        recorded.one(f"host-{part}") for part in ("look", "adopt", "bootstrap", "ready")
    )
    assert look.inputs["connection"] == adopt.inputs["connection"]
    assert look.urn in adopt.request.dependencies, "nothing is changed before the look"
    assert adopt.inputs["connection"] == {
        "host": "198.51.100.7",
        "port": 22,
        "user": "root",
        "hostKey": HOST_KEY,
        "dialErrorLimit": 10,
        "perDialTimeout": 15,
    }, "the ssh agent is asked, and the host key is pinned"
    assert adopt.inputs["create"] == "sh -s -- 'ssh-ed25519 public'"
    assert bootstrap.inputs["connection"]["user"] == "deploy"
    assert (
        bootstrap.inputs["create"]
        == "sudo bash -s -- --swap-mb 2048 --backup-at 02:00 --existing --ssh-user deploy --ssh-user root"
    ), "the owner keeps his way in, and there is no cloud-init to wait for"
    assert adopt.urn in bootstrap.request.dependencies
    assert bootstrap.urn in ready.request.dependencies
    assert "host-mount" not in {r.name for r in recorded.resources}, "its data folder is a plain one"


def test_a_user_who_is_not_root_adopts_with_sudo() -> None:
    assert declare(user="ada").one("host-adopt").inputs["create"] == "sudo sh -s -- 'ssh-ed25519 public'"


def test_a_server_that_others_use_is_prepared_without_what_is_theirs() -> None:
    """infrastructure A10."""
    recorded = declare(shared=True)
    assert recorded.one("host-look").inputs["create"] == "sh -s -- --shared"
    assert " --existing --shared " in recorded.one("host-bootstrap").inputs["create"]
    assert declare().one("host-look").inputs["create"] == "sh -s --"


def test_the_first_login_takes_the_key_that_it_is_given() -> None:
    adopt = declare(private_key=pulumi.Output.secret("given")).one("host-adopt")
    assert adopt.inputs["connection"]["privateKey"] == "given"
    assert "connection" in adopt.secrets


def test_without_agent_and_key_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert declare().warnings == [
        "no ssh agent is running: the first login at 198.51.100.7 as root needs one, "
        "or the secret ssh_private_key"
    ]
    assert declare(private_key="given").warnings == []


def test_another_port_is_used_everywhere(home: Path) -> None:
    recorded = declare(port=2222)
    assert recorded.one("host-bootstrap").inputs["connection"]["port"] == 2222
    assert recorded.one("host-docker").inputs["host"] == "ssh://deploy@198.51.100.7:2222"
    (known_hosts,) = home.glob(".ssh/jira-plus-plus/*/known_hosts")
    assert known_hosts.read_text() == f"[198.51.100.7]:2222 {HOST_KEY}\n"


def test_the_hosts_face_and_its_commands_know_no_server() -> None:
    hosts: list[Host] = []

    def program(host: Host) -> None:
        hosts.append(host)
        host.run("job", create="true", delete="false")

    recorded = declare(program=program)
    (host,) = hosts
    assert host.server is None
    assert host.ipv6 is None
    assert host.data_path == "/srv/jira/data"
    assert host.files_root == "/srv/jira/files"
    assert host.sudo == "sudo "
    job = recorded.one("job")
    assert not job.request.deletedWith, "the machine outlives the stack, so deletes must run"
    assert not job.request.replace_with
