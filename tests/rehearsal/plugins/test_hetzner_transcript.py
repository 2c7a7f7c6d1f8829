"""The stand-in for hcloud answers and asks, over one long story, exactly what the official plugin did.

The transcript was taken from the official plugin 1.43 (`python -m
tests.rehearsal.plugins.test_hetzner_transcript` takes it anew from the one that is to be had). Where an
official plugin is there, it is held against it too. One that was built on terraform-provider-hcloud 1.66.1
still has the input `datacenter` of an address, and fails at it in five steps: the released 1.43.3, and so the
transcript, is later.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.plugins.driver import started
from tests.rehearsal.plugins.hetzner_scenario import tell
from tests.rehearsal.plugins.official import official, plugins
from tests.rehearsal.plugins.recording import recording

TRANSCRIPT = Path(__file__).with_name("transcripts") / "hcloud.jsonl"


def told_by(command: list[str]) -> list[dict[str, Any]]:
    """The story's transcript with this plugin."""
    with recording() as record:
        surroundings = {"HCLOUD_TOKEN": "t" * 64, "HCLOUD_ENDPOINT": f"{record.endpoint}/v1"}
        with started(command, surroundings) as driver:
            assert driver.configure("hcloud", pollInterval="20ms") == []
            return tell(driver, record)


@pytest.mark.parametrize("kind", plugins("hcloud"))
def test_the_story_goes_as_with_the_official_plugin(kind: str) -> None:
    expected = [json.loads(line) for line in TRANSCRIPT.read_text().splitlines()]
    found = told_by(plugins("hcloud")[kind])
    assert [step["step"] for step in found] == [step["step"] for step in expected]
    assert len(found) > 70, "the transcript is that of the whole story"
    for told, wanted in zip(found, expected, strict=True):
        assert told == wanted, f"step «{wanted['step']}»"


if __name__ == "__main__":
    lines = (json.dumps(step, sort_keys=True, separators=(",", ":")) for step in told_by(official("hcloud")))
    TRANSCRIPT.write_text("\n".join(lines) + "\n")
