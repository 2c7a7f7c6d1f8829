"""A server from elsewhere, `host.kind: existing`: bare before the first up, in service after it.

In the order of the file: the last two destroy the stack and bring it up again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.live.stacks.server import MEMORY_MB, Server, rented
from tests.live.stacks.stand import Stand
from tests.playbook.graphql import Api
from tests.playbook.target import Target

ISSUE = "Must outlive the stack"
HETZNERS = ("allowed_networks", "allow_own_address")
"""Of `host.ssh`, and of no effect here."""

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with rented(folder) as server:
        yield server


@pytest.fixture(scope="module")
def stand(folder: Path, server: Server) -> Iterator[Stand]:
    host = {
        "kind": "existing",
        "address": server.address,
        "memory_mb": MEMORY_MB,
        "swap_mb": 0,
        "ssh": {"user": "root", "host_key": server.host_key, **dict.fromkeys(HETZNERS)},
        # What is for a server that Hetzner makes:
        **dict.fromkeys(
            ("server_type", "server_type_fallbacks", "location", "image", "volume", "protected", "backups")
        ),
    }
    # No firewall of Hetzner's stands before it.
    with closing(Stand(folder, "existing", {"host": host, "edge": {"http_sources": None}})) as stand:
        stand.rehearsal.secrets["ssh_private_key"] = server.private_key
        yield stand


def test_every_container_is_healthy_and_issues_are_kept(target: Target) -> None:
    assert target.health() == dict.fromkeys(target.outputs["containers"], "healthy")
    with target.http() as client:
        api = Api(target, client).login()
        assert api.issue(api.create(ISSUE))
        assert client.get(f"{target.url('api')}/health").json()["status"] == "ok"
        assert "<html" in client.get(target.url("web")).text
        assert client.get(target.url("temporal")).status_code == 401


def test_an_up_again_changes_nothing(stand: Stand, target: Target) -> None:
    assert [timing.changes for timing in stand.run("up")] == [0]


def test_its_owner_still_logs_in(target: Target, server: Server) -> None:
    assert server.ssh("id -un") == "root\n"


def test_a_destroy_leaves_its_docker_empty_and_its_data_where_it_is(
    stand: Stand, target: Target, server: Server
) -> None:
    stand.run("destroy")
    held = "docker ps --all --quiet; docker volume ls --quiet; docker network ls --quiet --filter type=custom"
    assert server.ssh(held) == ""
    assert server.ssh("ls /srv/jira").split() == ["backups", "data"], "files hold secrets"
    assert server.ssh("cat /srv/jira/data/postgres/PG_VERSION") == "15\n"


def test_another_up_takes_the_data_over_with_new_passwords(stand: Stand, target: Target) -> None:
    stand.run("up")
    again = stand.target()
    assert again.outputs["admin_password"] != target.outputs["admin_password"]
    with again.http() as client:
        issues = Api(again, client).login().run("{ issues { title } }")["issues"]
    titles = [issue["title"] for issue in issues]
    assert titles == [ISSUE]
    stand.run("destroy")
