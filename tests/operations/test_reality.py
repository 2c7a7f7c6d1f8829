"""What is found out about a server before a run; what a run makes of it: tests/engine/test_reality.py."""

from __future__ import annotations

import socket

from operations.reality import unreachable


def provider(port: int) -> dict[str, object]:
    return {"type": "pulumi:providers:docker", "inputs": {"host": f"ssh://deploy@127.0.0.1:{port}"}}


def test_a_preview_does_not_dial_for_minutes_where_ssh_is_shut() -> None:
    """Report A7 of infrastructure: port 22 is closed to the machines that preview a pull request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert unreachable([provider(port)], {}) is None
    assert unreachable([provider(port)], {}) == "127.0.0.1"
    assert unreachable([provider(port)], {"REHEARSAL_DOCKER": "record"}) is None, "no recorded server answers"
    local = {"type": "pulumi:providers:docker", "inputs": {"host": "unix:///var/run/docker.sock"}}
    assert unreachable([local, {"type": "random:index/randomPassword:RandomPassword"}], {}) is None
