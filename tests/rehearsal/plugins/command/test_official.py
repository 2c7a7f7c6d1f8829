"""The stand-in beside the official plugin, where that is on PATH: the same programs, step by step.

Without it there is nothing to compare, and so no test: under CI=true a skip would be a failure.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_command as command
import pytest

from tests.rehearsal.plugins.command_sshd import Sshd, sshd
from tests.rehearsal.plugins.docker_stack import Stack, differences

Program = Callable[[], None]


def local(**arguments: Any) -> Program:
    return lambda: pulumi.export("out", command.local.Command("job", **arguments).stdout)


LOCAL: dict[str, list[tuple[str, Program]]] = {
    "life": [
        ("up", local(create="echo a", delete="echo gone")),
        ("up", local(create="echo a", delete="echo gone")),
        ("preview", local(create="echo b")),
        ("up", local(create="echo b; echo $PULUMI_COMMAND_STDOUT")),
        ("up", local(create="echo b", update="echo u", environment={"A": "1"}, stdin="x")),
        ("destroy", local()),
    ],
    "triggers": [
        ("up", local(create="echo a", triggers=["1", {"b": 2}])),
        ("up", local(create="echo a", triggers=["1", {"b": 3}])),
        ("up", local(create="echo a")),
        ("up", local(create="echo a", triggers=["1"])),
    ],
    "secrets": [
        ("up", lambda: local(create="cat", stdin=pulumi.Output.secret("hunter2000"))()),
        ("up", lambda: local(create=pulumi.Output.secret("echo hunter2000"), environment={"A": "1"})()),
    ],
    "failures": [
        ("fail", local(create='echo "out"; echo err >&2; exit 3')),
        ("up", local(create="echo a", delete="exit 2")),
        ("fail", local(create="exit 5", delete="exit 2")),
        ("up", local(create="echo c")),
    ],
}


def play(stack: Stack, versions: list[tuple[str, Program]]) -> list[Any]:
    """What the engine did and kept at each version, and in what words it failed."""
    seen: list[Any] = []
    for how, program in versions:
        if how == "preview":
            seen.append(stack.preview(program))
        elif how == "destroy":
            stack.destroy()
        elif how == "fail":
            seen.append(stack.failing_up(program))
            seen.append([_sorted_lines(message) for name, message in stack.errors if name == "job"])
        else:
            seen.append(stack.up(program))
        seen.append({name: _kept(resource) for name, resource in stack.resources().items() if name == "job"})
    return seen


def _sorted_lines(message: str) -> list[str]:
    """Lines of stdout and of stderr come as they may."""
    return sorted(message.splitlines())


def _kept(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource of the state without its id. The stand-in may keep more of it secret."""
    return {part: _open(resource.get(part)) for part in ("inputs", "outputs")}


def _open(value: Any) -> Any:
    if isinstance(value, dict):
        if "plaintext" in value:
            return _open(json.loads(value["plaintext"]))
        return {key: _open(item) for key, item in value.items()}
    return [_open(item) for item in value] if isinstance(value, list) else value


def remote(server: Sshd) -> list[tuple[str, Program]]:
    def program(host_key: str = server.host_key, **arguments: Any) -> Program:
        def declare() -> None:
            connection = command.remote.ConnectionArgs(
                host="127.0.0.1",
                port=server.port,
                user="deploy",
                private_key=server.client_key,
                host_key=host_key,
                dial_error_limit=1,
            )
            command.remote.Command("job", connection=connection, **arguments)

        return declare

    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6Ov0BkLKpjGdP9OZHnGgbFHDW7s0lmGrHbVpLyuPHC"
    return [
        ("fail", program(create="echo out; exit 4")),
        ("fail", program(create="true", host_key=other)),
        ("up", program(create="cat; echo err >&2", stdin="in\n", triggers=[1])),
        ("up", program(create="cat; echo err >&2", stdin="in\n", triggers=[2])),
        ("preview", program(create="echo other", triggers=[2])),
        ("fail", program(create="echo other", environment={"NOT_ACCEPTED": "1"}, triggers=[2])),
        ("up", program(create="echo other", delete="false", triggers=[2])),
    ]


if shutil.which("pulumi-resource-command"):

    @pytest.mark.engine
    @pytest.mark.parametrize("story", LOCAL)
    def test_local_commands_do_the_same(tmp_path: Path, story: str) -> None:
        ours = play(Stack(tmp_path / "ours", {"REHEARSAL_DOCKER": "run"}), LOCAL[story])
        theirs = play(Stack(tmp_path / "theirs", {}, official=("command",)), LOCAL[story])
        assert differences(ours, theirs) == []

    @pytest.mark.engine
    def test_remote_commands_do_the_same(tmp_path: Path) -> None:
        with sshd() as server:
            ours = play(Stack(tmp_path / "ours", {"REHEARSAL_DOCKER": "run"}), remote(server))
            theirs = play(Stack(tmp_path / "theirs", {}, official=("command",)), remote(server))
        assert differences(ours, theirs) == []
