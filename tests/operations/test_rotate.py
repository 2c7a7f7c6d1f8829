"""What `make rotate` understands, raises and refuses, and that a run that was cut off is gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.settings.secrets import SECRETS
from operations import closing, stack_file
from operations.deployment import DeploymentFailed
from operations.journal import Journal
from operations.rotate import MADE, MEANS, NoRotation, Rotation, meant, plan, raised, reached

STACK_FILE = """\
config:
  jira-plus-plus:host: {kind: local}
  jira-plus-plus:images:
    api: a:1
"""
URN = "urn:pulumi:uat::jira-plus-plus"
NOTED = (
    "sudo sh -s -- /mnt/data/rotated admin={admin}:0123456789ab jira={jira}:ba9876543210 slack_webhook=0:0a"
)


class Deployment:
    """Of a stack that is up; an up reaches the numbers of its file, unless it `fails`."""

    stack = "uat"

    def __init__(self, project: Path, up: bool = True) -> None:
        self.project, self.fails = project, False
        self.environment: dict[str, str] = {}
        self.ups = 0
        self._numbers = {"admin": 0, "jira": 0}
        self._up = up

    def resources(self) -> list[dict[str, Any]]:
        outputs = {"containers": {}, "rotated": {"jira": "2026-11-29T00:00:00Z"}} if self._up else {}
        return [
            {"type": "pulumi:pulumi:Stack", "urn": f"{URN}::pulumi:pulumi:Stack::uat", "outputs": outputs},
            {
                "type": "command:remote:Command",
                "urn": f"{URN}::command:remote:Command::rotated-noted",
                "inputs": {"create": NOTED.format(**self._numbers)},
            },
        ]

    @contextmanager
    def way_in(self) -> Iterator[None]:
        yield

    def up(self) -> Journal:
        self.ups += 1
        if self.fails:
            raise DeploymentFailed("api: is not healthy", Journal())
        self._numbers |= stack_file.rotations(self.project / "Pulumi.uat.yaml")
        return Journal()


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    (tmp_path / "Pulumi.uat.yaml").write_text(STACK_FILE)
    monkeypatch.setattr(closing, "verify", lambda *_: None)
    return Deployment(tmp_path)


def numbers(deployment: Deployment) -> dict[str, int]:
    return stack_file.rotations(deployment.project / "Pulumi.uat.yaml")


def act(deployment: Any, secrets: str) -> str:
    said: list[str] = []
    Rotation(deployment, said.append).act(secrets)
    return "\n".join(said)


def test_numbers_are_raised_and_deployed_and_another_time_raised_again(deployment: Deployment) -> None:
    said = act(deployment, "jira,admin")
    assert numbers(deployment) == {"jira": 1, "admin": 1}
    assert "  jira (number 1): API and worker come anew beside the old ones, with the login jira_a" in said
    assert "jira is another one since 2026-11-29T00:00:00Z" in said
    assert "Pulumi.uat.yaml has the numbers: commit it" in said
    said = act(deployment, "jira")
    assert numbers(deployment) == {"jira": 2, "admin": 1}
    assert "with the login jira_b" in said
    assert deployment.ups == 2


def test_one_that_failed_is_gone_on_with(deployment: Deployment) -> None:
    deployment.fails = True
    for _ in range(2):
        with pytest.raises(DeploymentFailed):
            act(deployment, "jira")
        assert numbers(deployment) == {"jira": 1}
    deployment.fails = False
    assert "jira (number 1, which was begun)" in act(deployment, "jira")
    assert numbers(deployment) == {"jira": 1}
    act(deployment, "jira")
    assert numbers(deployment) == {"jira": 2}


def test_a_file_whose_numbers_were_not_committed_goes_on_from_what_runs() -> None:
    assert raised(["jira"], {}, {"jira": 3}, "Pulumi.uat.yaml") == {"jira": 4}


def test_a_turn_that_was_left_out_is_refused() -> None:
    with pytest.raises(
        NoRotation, match=r"Pulumi.uat.yaml: rotations.jira: got 3, and what runs is 1; .* write 2"
    ):
        raised(["jira"], {"jira": 3}, {"jira": 1}, "Pulumi.uat.yaml")


def test_a_stack_that_is_not_up_has_nothing_to_make_anew(deployment: Deployment) -> None:
    down = Deployment(deployment.project, up=False)
    with pytest.raises(NoRotation, match="uat is not up, and has no secret yet: `make deploy STACK=uat`"):
        act(down, "jira")
    assert (down.ups, numbers(down)) == (0, {})


def test_what_a_program_deployed_that_noted_nothing_begins_at_0() -> None:
    assert reached([{"urn": f"{URN}::x::api", "inputs": {}}]) == {}
    assert reached(
        [{"urn": f"{URN}::x::rotated-noted", "inputs": {"create": NOTED.format(jira=2, admin=0)}}]
    ) == {
        "admin": 0,
        "jira": 2,
        "slack_webhook": 0,
    }


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ("", "SECRET: got nothing; give all, or of postgres, jira, "),
        ("jria", "SECRET: got jria; must be all, or of postgres, jira, "),
        (
            "jira,ssh",
            "SECRET: got ssh; the host key is what the machine is known by, and the deploy key the only way",
        ),
        ("offsite_passphrase", "SECRET: got offsite_passphrase; what is in its bucket is encrypted with it"),
        (
            "slack-webhook",
            r"SECRET: got slack_webhook; it is you who gives it \(URL of the incoming webhook .*\): make"
            " another one there, `pulumi config set --secret slack_webhook --stack uat`, `make deploy ",
        ),
    ],
)
def test_what_is_not_made_anew_says_why(secrets: str, message: str, deployment: Deployment) -> None:
    with pytest.raises(NoRotation, match=message):
        act(deployment, secrets)
    assert (deployment.ups, numbers(deployment)) == (0, {})


def test_which_are_meant() -> None:
    assert meant("all", "uat") == MADE
    assert meant(" temporal-ui, jira,jira", "uat") == ("temporal_ui", "jira")
    for name in SECRETS:
        with pytest.raises(NoRotation, match=f"got {name}; "):
            meant(name, "uat")


def test_of_each_is_said_what_is_seen_of_it() -> None:
    assert set(MEANS) == set(MADE)
    words = plan("uat", ["session", "temporal"], {"temporal": 1}, {"session": 1, "temporal": 2})
    assert "  session (number 1): API and worker come anew; everybody who is signed in signs in anew" in words
    assert "  temporal (number 2): Temporal starts anew, with the login temporal_b" in words
