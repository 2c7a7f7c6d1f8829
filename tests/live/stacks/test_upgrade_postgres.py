"""Another major version of Postgres on a machine that boots: refused, moved over, gone back from.

The log is archived, to a real bucket, as in production. In the order of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from operations import stack_file
from operations.deployment import DeploymentFailed
from rehearsal.images import stack_images
from tests.live.stacks.stand import LEAVING, Stand
from tests.playbook.graphql import Api
from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import whole

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(1200)]

NAME = "postgres_archiving"
TITLES = "select string_agg(title, ',' order by id) from issues"


@pytest.fixture(scope="module")
def stand(folder: Path) -> Iterator[Stand]:
    log = {"point_in_time": LEAVING["point_in_time"]}
    with closing(Stand(folder, "uat", {"backup": log})) as stand:
        yield stand


def works(target: Target, title: str) -> None:
    """That somebody logs in, writes, and a workflow runs on it."""
    seconds_until("the stack is whole", lambda: whole(target), 90)
    with target.http() as client:
        api = Api(target, client).login()
        workflow = api.triage(api.create(title))
        seconds_until("the workflow completes", lambda: api.workflow(workflow) == "COMPLETED", 60)


def sql(target: Target, query: str) -> str:
    return target.ssh(f"docker exec jira-uat-postgres psql -XAtq -U postgres jira -c {json.dumps(query)}")


def archived(target: Target) -> None:
    """Waits until the cluster that serves has a backup off the machine."""
    cluster = sql(target, "select system_identifier from pg_control_system()").strip()
    command = "docker exec jira-uat-backup cat /backups/archive.json"
    seconds_until("it is archived", lambda: f'"{cluster}"' in target.ssh(command, check=False), 180)


def versions(target: Target) -> tuple[str, str]:
    """Of the server, and of the tools that make its backups."""
    backup = target.ssh("docker exec jira-uat-backup pg_dump --version")
    return sql(target, "show server_version").partition(".")[0], backup.split()[2].partition(".")[0]


def test_a_preview_refuses_it_and_names_the_command(stand: Stand, target: Target) -> None:
    works(target, "before the upgrade")
    archived(target)
    with stand.rehearsal.standing() as deployment:
        file = deployment.project / "Pulumi.uat.yaml"
        next_image = stack_images.next_postgres(NAME, "17", print)
        stack_file.write_images(file, {NAME: next_image})
        with pytest.raises(DeploymentFailed, match="make upgrade-postgres STACK=uat TO=17"):
            deployment.preview()
        with pytest.raises(DeploymentFailed, match="make upgrade-postgres STACK=uat TO=17"):
            deployment.up()
    assert versions(target) == ("15", "15")


def test_the_command_moves_all_of_it_and_the_stack_is_what_its_file_says(
    stand: Stand, target: Target
) -> None:
    before = sql(target, TITLES)
    stand.rehearsal.to = "17"
    stand.run("upgrade-postgres")
    assert versions(target) == ("17", "17")
    assert sql(target, TITLES) == before
    works(target, "after the upgrade")
    archived(target)
    assert stand.run("up")[-1].changes == 0
    print("\n".join(line for line in stand.output if "moved" in line or "serves" in line))


def test_the_way_back_is_to_the_moment_of_the_upgrade(stand: Stand, target: Target) -> None:
    stand.rehearsal.to = "back"
    stand.run("upgrade-postgres")
    assert versions(target) == ("15", "15")
    titles = sql(target, TITLES)
    assert "before the upgrade" in titles
    assert "after the upgrade" not in titles
    works(target, "back again")
    archived(target)
    assert stand.run("up")[-1].changes == 0


def test_destroy_leaves_nothing(stand: Stand) -> None:
    stand.run("destroy")
