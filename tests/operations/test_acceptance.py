"""What is noted of a playbook, and which of its runs counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from components.host.existing import DATA_PATH
from components.host.folders import DATA
from components.host.volume import MOUNTPOINT
from operations.acceptance import KEPT, MAY_MISS, Acceptance, Acceptances, Unnoted
from operations.releases import IMAGES
from rehearsal.images import registry
from tests.playbook.evidence import CHECKLIST, Evidence

STAND_INS = ("autoheal", "restic", "socket_proxy")
"""Three images that the rehearsals' registry has, for those of the application: none is started."""
PLAYBOOK = Path(__file__).parents[1] / "playbook"
LEFT_OUT = (
    r"@pytest\.mark\.checklist\(\"\w+\", \"([^\"]+)\"\)\n@pytest\.mark\.(?:releases|replaces_the_server)\n"
)
"""The line of the checklist of a test that runs only where it is asked for."""
LABELS = {"jira-plus-plus.test": "acceptance"}
STACK = "accepted"


def test_the_data_are_where_the_program_puts_them() -> None:
    assert DATA == {"hetzner": MOUNTPOINT, "existing": DATA_PATH}


def test_the_report_of_a_playbook_says_with_which_images_and_what_is_lacking(tmp_path: Path) -> None:
    evidence = Evidence("uat", {"api": "x/api:1"})
    for entry in evidence.entries.values():
        entry.outcome = "passed"
    evidence.entry("Recovery", "A replaced server").outcome = "not run"
    report = tmp_path / "playbook.json"
    evidence.save(report)
    passed = Acceptance.of(json.loads(report.read_text()))
    assert passed.images == {"api": "x/api:1"}
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", passed.when)
    assert passed.lacking == []
    assert passed.spared == ["A replaced server"]
    evidence.entry("Functional", "Login").outcome = "failed"
    evidence.entry("Smoke", "/health and /ready pass").outcome = "not run"
    evidence.save(report)
    assert Acceptance.of(json.loads(report.read_text())).lacking == [
        "failed: Login",
        "not run: /health and /ready pass",
    ]


def test_what_may_miss_is_what_a_playbook_leaves_out_that_was_not_asked_for_it() -> None:
    lines = {item for items in CHECKLIST.values() for item in items}
    assert lines >= MAY_MISS
    unasked = set(re.findall(LEFT_OUT, "".join(path.read_text() for path in PLAYBOOK.glob("test_*.py"))))
    assert unasked == MAY_MISS


@pytest.fixture
def given(
    built: Callable[..., dict[str, str]],
    client: docker.DockerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, dict[str, str]]]:
    """The outputs of a stack whose containers are made of images that a registry has."""
    built("registry", *STAND_INS)
    pushed = registry.push(STAND_INS, say=lambda _: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    good = dict(zip(IMAGES, pushed.values(), strict=True))
    containers = {
        name: client.containers.create(reference, labels=LABELS) for name, reference in good.items()
    }
    yield {"last_good": good, "containers": {name: made.name for name, made in containers.items()}}
    for made in containers.values():
        made.remove(force=True)


@pytest.mark.live
def test_a_run_is_noted_for_the_images_that_really_run(given: dict[str, dict[str, str]]) -> None:
    good = given["last_good"]
    noted = Acceptances(STACK, "local", given)
    assert noted.read() == []
    first = Acceptance("2026-01-02T03:04:05Z", good, ["Login"], [])
    noted.note(first)
    second = replace(first, when="2026-01-02T04:04:05Z", failed=[])
    noted.note(second)
    assert noted.read() == [second, first]
    for number in range(KEPT):
        noted.note(replace(first, when=f"2026-01-03T03:04:{number:02}Z"))
    assert len(noted.read()) == KEPT

    other = {**good, "web": good["web"][:-1] + ("0" if good["web"][-1] != "0" else "1")}
    with pytest.raises(Unnoted, match="has to be the same from its beginning to its end"):
        noted.note(replace(first, images=other))
    without = {**good, "api": good["api"].partition("@")[0]}
    with pytest.raises(Unnoted, match="each image with a digest"):
        Acceptances(STACK, "local", {**given, "last_good": without}).note(replace(first, images=without))
    with pytest.raises(Unnoted, match=rf"{given['containers']['web']} is not the image that was recorded"):
        Acceptances(STACK, "local", {**given, "last_good": other}).note(replace(first, images=other))
    beside: dict[str, Any] = {**given, "canary": {"image": good["api"], "share": 5}}
    with pytest.raises(Unnoted, match="a canary answered some of it"):
        Acceptances(STACK, "local", beside).note(first)
    assert len(noted.read()) == KEPT
