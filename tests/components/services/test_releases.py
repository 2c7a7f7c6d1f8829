"""The record of good releases, by the shell that keeps it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from components.services.releases import HERE, IMAGES, entry

SCRIPT = (HERE / "releases.sh").read_text()


def record(file: Path, images: dict[str, str], begun: str, keep: int = 3) -> list[dict[str, object]]:
    """What the script prints."""
    done = subprocess.run(
        ["sh", "-s", "--", str(file), str(keep), entry(images, begun)],
        input=SCRIPT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def of(tag: str) -> dict[str, str]:
    return {image: f"ghcr.io/example-org/{image}:{tag}@sha256:{'a' * 64}" for image in IMAGES}


def test_the_newest_come_first_and_the_oldest_go(tmp_path: Path) -> None:
    file = tmp_path / "data" / "releases"
    for number in range(5):
        found = record(file, of(f"1.{number}"), f"2026-11-28T10:0{number}:00Z")
    assert [one["images"] for one in found] == [of("1.4"), of("1.3"), of("1.2")]
    assert all(set(one) == {"when", "begun", "images"} for one in found)


def test_a_run_that_was_killed_is_recorded_once(tmp_path: Path) -> None:
    file = tmp_path / "releases"
    record(file, of("1"), "2026-11-28T10:00:00Z")
    record(file, of("2"), "2026-11-28T11:00:00Z")
    found = record(file, of("2"), "2026-11-28T11:00:00Z")
    assert [one["begun"] for one in found] == ["2026-11-28T11:00:00Z", "2026-11-28T10:00:00Z"]
    assert len(record(file, of("1"), "2026-11-28T12:00:00Z")) == 3, "the way back is a release of its own"
