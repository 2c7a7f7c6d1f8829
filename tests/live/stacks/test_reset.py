"""A reset of a machine that boots: rows leave it masked, by a real bucket, and come back; then the seed.

In the order of the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rehearsal.s3 import S3Server
from tests.live.stacks.stand import Stand
from tests.playbook.graphql import Api
from tests.playbook.target import Target
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import whole

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(900)]

RULES = {
    "migrations": {"name": "keep", "applied_at": "keep"},
    "users": {"id": "keep", "email": "email", "password_hash": "fixed:!", "created_at": "keep"},
    "issues": {
        "id": "keep",
        "title": "text",
        "description": "empty",
        "status": "keep",
        "author_id": "keep",
        "created_at": "keep",
        "updated_at": "keep",
        "priority": "keep",
        "triaged_at": "keep",
    },
}
IN_BACKUP = "docker exec jira-uat-backup /bin/sh /run/jira/entrypoint.sh -- bash /etc/jira"


@pytest.fixture(scope="module")
def storage(built: Callable[..., dict[str, str]]) -> Iterator[S3Server]:
    built("s3")
    with S3Server(("masked",)) as server:
        yield server


@pytest.fixture(scope="module")
def stand(folder: Path, storage: S3Server) -> Iterator[Stand]:
    masked = {**bucket(storage), "rules": RULES}
    with closing(Stand(folder, "uat", {"backup": {"masked": masked}})) as stand:
        stand.rehearsal.secrets = {
            "masked_access_key": storage.access_key,
            "masked_secret_key": storage.secret_key,
            "masked_passphrase": "a-passphrase-of-the-masked-rows",
        }
        yield stand


def bucket(storage: S3Server) -> dict[str, str]:
    return {
        "endpoint": storage.endpoint,
        "bucket": "masked",
        "certificate_authority": storage.ca_pem,
    }


def works(target: Target) -> str:
    """That somebody logs in, writes, and a workflow runs on it; the titles of all issues."""
    seconds_until("the stack is whole", lambda: whole(target), 60)
    with target.http() as client:
        api = Api(target, client).login()
        issue = api.create("after the reset")
        workflow = api.triage(issue)
        seconds_until("the workflow completes", lambda: api.workflow(workflow) == "COMPLETED", 60)
    return sql(target, "select title from issues")


def sql(target: Target, query: str, database: str = "jira") -> str:
    return target.ssh(
        f"docker exec jira-uat-postgres psql -XAtq -U postgres {database} -c {json.dumps(query)}"
    )


def workflows(target: Target) -> set[str]:
    """The runs that Temporal knows of, but for its own."""
    query = "select run_id from executions_visibility where workflow_type_name not like 'temporal-sys-%'"
    return set(sql(target, query, "temporal_visibility").split())


def test_what_is_written_here_leaves_masked(stand: Stand, target: Target) -> None:
    with target.http() as client:
        api = Api(target, client).login()
        issue = api.create("a canary of production")
        workflow = api.triage(issue)
        seconds_until("the workflow completes", lambda: api.workflow(workflow) == "COMPLETED", 60)
    target.ssh(f"{IN_BACKUP}/backup.sh scheduled")
    seconds_until(
        "it is exported by itself",
        lambda: (
            target.ssh("docker exec jira-uat-backup cat /backups/masked.json", check=False).strip() != ""
            and not target.ssh(f"{IN_BACKUP}/masked.sh due && echo due", check=False).strip()
        ),
        120,
    )
    print(target.ssh("docker logs jira-uat-backup 2>&1 | grep -F masked"))
    assert target.health()["backup"] == "healthy"


def test_masked_rows_are_all_that_comes_and_the_stack_works_on_them(
    stand: Stand, target: Target, storage: S3Server
) -> None:
    stand.change("backup", masked=None, reset={"source": "masked", "masked": bucket(storage)})
    stand.run("up")
    former = workflows(target)
    assert former
    stand.reset()
    titles = works(target)
    assert "canary" not in titles
    assert "Text " in titles
    assert "@example.invalid" in sql(target, "select email from users")
    (mine,) = workflows(target)
    assert mine not in former
    print("\n".join(line for line in stand.output if "is reset from" in line or "healthy again" in line))


def test_from_the_seed_the_stack_works_as_well(stand: Stand, target: Target) -> None:
    stand.change("application", seed_data=True)
    stand.change("backup", reset={"source": "seed"})
    stand.run("up")
    stand.reset()
    titles = works(target)
    assert "Text " not in titles
    assert len(titles.splitlines()) > 2
    asides = sql(target, "select datname from pg_database where datname like 'jira_before_%'").splitlines()
    assert len(asides) == 1, "the reset before has set another one aside"
    print("\n".join(line for line in stand.output if "is reset from" in line or "healthy again" in line))


def test_destroy_leaves_nothing(stand: Stand) -> None:
    stand.run("destroy")
