"""`make rotate` on the real engine: the state forgets the value before, and a run that was killed goes on."""

from __future__ import annotations

import pytest
from pulumi.automation import CommandError

from operations import stack_file
from operations.deployment import Deployment, DeploymentFailed
from operations.rotate import MADE, Rotation, reached
from rehearsal.declared.packed import readings
from tests.engine.conftest import Bring
from tests.engine.moments import Docker, Kill, Moment, Step
from tests.engine.test_canary import made_by_the_program, needles
from tests.engine.wholeness import assert_whole

pytestmark = pytest.mark.engine

MOMENTS: dict[str, Moment] = {
    "another value made": Step("create-replacement", "credentials-jira", ended=True),
    "the database told of it": Step("update", "postgres-passwords", ended=True),
    "new api healthy": Docker("api-", "healthy"),
}


def values(deployment: Deployment, name: str = "") -> dict[str, str]:
    """What the state keeps encrypted of the program's own passwords, or of one."""
    return {
        place: text
        for place, text in made_by_the_program(deployment).items()
        if place.startswith(f"credentials-{name}") and not place.startswith("credentials-fingerprint.")
    }


def left(deployment: Deployment, old: dict[str, str]) -> set[str]:
    """Whose values are in the state, decrypted."""
    exported = deployment.open()._run_pulumi_cmd_sync(["stack", "export", "--show-secrets"]).stdout
    texts = readings(exported)
    return {whose for needle, whose in needles(old).items() if any(needle in text for text in texts)}


def rotated(deployment: Deployment, secrets: str) -> str:
    said: list[str] = []
    Rotation(deployment, said.append).act(secrets)
    return "\n".join(said)


def test_the_state_forgets_every_value_of_before_and_a_second_up_changes_nothing(bring: Bring) -> None:
    lab = bring("uat")
    deployment = lab.deployment("uat")
    before = values(deployment)
    assert left(deployment, before) == set(needles(before).values()), "the search finds what is there"
    rotated(deployment, "all")
    assert not set(values(deployment).values()) & set(before.values())
    assert left(deployment, before) == set()
    file = deployment.project / "Pulumi.uat.yaml"
    assert stack_file.rotations(file) == dict.fromkeys(MADE, 1)
    assert {name: reached(lab.resources())[name] for name in MADE} == dict.fromkeys(MADE, 1)
    assert_whole(lab)
    assert not deployment.preview().changes


@pytest.mark.parametrize("moment", MOMENTS)
def test_one_that_was_killed_is_gone_on_with(moment: str, bring: Bring) -> None:
    lab = bring("uat")
    kill = Kill(lab)
    deployment = lab.deployment("uat", checkpoints=True)
    before = values(deployment, "jira")
    with kill.at(MOMENTS[moment]), pytest.raises((DeploymentFailed, CommandError)):
        rotated(deployment, "jira")
    assert kill.reached
    assert stack_file.rotations(deployment.project / "Pulumi.uat.yaml") == {"jira": 1}
    made = values(lab.deployment("uat", {"rotations.jira": 1}, killed=True), "jira")
    again = lab.deployment("uat", {"rotations.jira": 1}, killed=True)
    said = rotated(again, "jira")
    assert "jira (number 1, which was begun)" in said
    assert stack_file.rotations(again.project / "Pulumi.uat.yaml") == {"jira": 1}
    assert reached(lab.resources())["jira"] == 1
    now = values(again, "jira")
    assert not set(now.values()) & set(before.values())
    # Who had it already keeps it.
    assert set(made.values()) - set(before.values()) <= set(now.values())
    assert left(again, before) == set()
    assert_whole(lab)
