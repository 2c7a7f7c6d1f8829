"""Does a release keep the data, the workflows and the users, and is there a way back?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from .evidence import Entry
from .graphql import Api
from .replaying import replayed
from .rows import migrations
from .target import Target
from .upgrade import Upgrade, images_of, others, standing, take_back
from .wholeness import digest, whole

pytestmark = pytest.mark.playbook


@pytest.fixture(scope="module")
def new(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The images of the next release."""
    return dict(json.loads(request.config.getoption("--new-images")))


@pytest.fixture(scope="module")
def upgraded(
    request: pytest.FixtureRequest, target: Target, api: Api, new: Mapping[str, str]
) -> Iterator[Upgrade]:
    """The next release is deployed, in the place of the one that the playbook is run for."""
    migration = request.config.getoption("--new-migration")
    again = bool(migration) and take_back(target, migration)
    with standing(target) as deployment:
        upgrade = Upgrade(deployment, target, api, again)
        upgrade.go(new)
        yield upgrade
        upgrade.end()


@pytest.mark.checklist("Upgrade", "Migrations run again and change nothing")
def test_migrations_run_again_and_the_data_is_the_same(target: Target, api: Api, evidence: Entry) -> None:
    api.create("Must survive a migration")
    before = digest(target)
    # The release's own command, in a container that has its environment.
    ran = target.ssh(
        f"docker exec {target.containers()['api']} sh -c "
        "'for f in /run/secrets/*; do export \"$(basename $f)=$(cat $f)\"; done; node dist/migrate.js'"
    )
    assert "migrations are complete" in ran, ran[-300:]
    assert digest(target) == before, "a migration that had nothing to do changed the data"
    evidence.say(
        "The migration ran again and found nothing to do; "
        f"the digest of the rows is {before[:12]}… before and after."
    )


@pytest.mark.checklist("Upgrade", "A new release migrates once, and the data are the same")
@pytest.mark.releases
def test_a_new_release_migrates_once_and_keeps_the_data(
    request: pytest.FixtureRequest,
    target: Target,
    upgraded: Upgrade,
    new: Mapping[str, str],
    evidence: Entry,
) -> None:
    evidence.say(f"Deployed in {upgraded.forth.seconds:.1f} s, and looked at as after each deploy:")
    evidence.table(["Image", "The next release"], [[*one] for one in new.items()])
    assert others(target, new) == [], "what runs is not what the stack file named"

    after = migrations(target)
    assert [entry for entry in upgraded.migrations if entry not in after] == [], "one ran a second time"
    added = [entry for entry in after if entry not in upgraded.migrations]
    if expected := request.config.getoption("--new-migration"):  # of the user's own images nobody knows
        assert [entry.partition(" ")[0] for entry in added] == [expected]
    evidence.say(
        f"Of {len(after)} migrations {len(added)} ran in this release, once: {', '.join(added) or 'none'}."
        + (" What an earlier run of the playbook had left of it was taken back before." * upgraded.again)
    )

    now = upgraded.rows.digest(target)
    assert now == upgraded.digest, "rows from before the release have changed"
    evidence.say(f"The rows from before it, by the columns from before it (how many, digest): {now}.")


@pytest.mark.checklist("Upgrade", "No request is lost during a release")
@pytest.mark.releases
def test_nobody_notices_the_release(target: Target, upgraded: Upgrade, evidence: Entry) -> None:
    forth = upgraded.forth
    evidence.table(["Asked all the time", "Answers", "Lost", "Slowest"], forth.rows("release"))
    assert forth.lost == []
    assert min(len(asked.answers) for asked in forth.asked.values()) > 20, "the load was not the one intended"
    assert forth.missing(target) == set(), "an issue was acknowledged and is not there"
    evidence.say(f"All {len(forth.written)} issues that were acknowledged meanwhile are in the database.")


@pytest.mark.checklist("Upgrade", "A workflow from before completes on the new worker")
@pytest.mark.releases
def test_a_workflow_from_before_completes_on_the_new_worker(
    target: Target, upgraded: Upgrade, new: Mapping[str, str], evidence: Entry
) -> None:
    assert others(target, {name: new[name] for name in ("worker",) if name in new}) == []
    workflow, took = upgraded.completed()
    evidence.say(f"{workflow}, begun before the release: completed {took:.1f} s later by the new worker.")


@pytest.mark.checklist("Upgrade", "Workflow histories replay with the worker's code")
def test_histories_from_before_replay_with_the_workers_code(
    request: pytest.FixtureRequest, target: Target, evidence: Entry
) -> None:
    """Without a next release by the worker that runs: it goes on with what began with former ones."""
    released = request.config.getoption("--new-images")
    moment = (
        request.getfixturevalue("upgraded").moment if released else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    )
    found = replayed(target, moment, request.config.getoption("--workflows"))
    evidence.say(
        f"{len(found)} histories from before {moment}, {sum(one.running for one in found)} of workflows that "
        f"still ran, {sum(one.events for one in found)} events: replayed in a container of the "
        f"{'new ' if released else ''}worker's image, without network."
    )
    assert found, "there is no history to replay"
    assert [f"{one.workflow}: {one.error}" for one in found if one.error] == []


@pytest.mark.checklist("Upgrade", "The release before serves again, with the data")
@pytest.mark.releases
def test_rolls_back(target: Target, api: Api, upgraded: Upgrade, evidence: Entry) -> None:
    schema = migrations(target)
    upgraded.go_back()
    back = upgraded.back
    evidence.say(f"`make rollback` took {back.seconds:.1f} s.")
    evidence.table(["Asked all the time", "Answers", "Lost", "Slowest"], back.rows("way back"))
    assert back.lost == []
    assert images_of(target) == upgraded.images, "what runs is not what ran before"
    assert whole(target)

    assert migrations(target) == schema, "a rollback leaves the schema as it is"
    now = upgraded.rows.digest(target)
    assert now == upgraded.digest, "rows from before the release have changed"
    written = [*upgraded.forth.written, *back.written]
    assert upgraded.forth.missing(target) | back.missing(target) == set(), "an issue was acknowledged"
    evidence.say(
        f"The images of before run on the newer schema; the rows are the same ({now}), and the "
        f"{len(written)} issues that were created during the release and the way back are there."
    )
    workflow, took = upgraded.completed()
    evidence.say(f"{workflow}, begun before the release: completed {took:.1f} s later by the old worker.")
    issue = api.create("On the release before")
    assert (api.issue(issue) or {})["title"] == "On the release before"
