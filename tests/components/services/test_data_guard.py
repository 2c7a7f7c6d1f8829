"""What a server must not be started on is refused before the one that runs is stopped for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rehearsal.declared.platform import declared
from rehearsal.declared.recording import Recorded

SCRIPT = Path(__file__).parents[3] / "components" / "services" / "data-guard.sh"


def guard(disk: Path, *, major: str = "15", stack: str = "uat") -> tuple[int, str]:
    """How the script ends with an image of that major version, and what it complains of."""
    binary = disk.parent / "docker"
    told = f"printf 'PATH=/bin\\n{f'PG_MAJOR={major}' if major else ''}\\n'"
    binary.write_text(f'#!/bin/sh\necho "$@" >>{disk.parent}/asked\n{told}\n')
    binary.chmod(0o755)
    done = subprocess.run(
        ["sh", "-s", "--", str(disk / "postgres"), "sha256:0a1b", stack],
        input=SCRIPT.read_text(),
        env={"PATH": f"{binary.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A data disk with uat's data, written by Postgres 15."""
    folder = tmp_path / "data"
    (folder / "postgres" / "global").mkdir(parents=True)
    (folder / ".stack").write_text("uat\n")
    (folder / "postgres" / "PG_VERSION").write_text("15\n")
    (folder / "postgres" / "global" / "pg_control").write_text("control")
    return folder


def test_the_stacks_own_data_are_served(disk: Path) -> None:
    assert guard(disk) == (0, "")


def test_what_can_be_written_to_disk_before_the_server_ends_is_written_before(disk: Path) -> None:
    guard(disk)
    last = (disk.parent / "asked").read_text().splitlines()[-1]
    assert last.startswith("exec ")
    assert last.endswith("--command=checkpoint")


def test_an_empty_disk_becomes_the_stacks(tmp_path: Path) -> None:
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    assert guard(tmp_path / "data", stack="prod") == (0, "")
    assert (tmp_path / "data" / ".stack").read_text() == "prod\n"


def test_data_of_before_there_was_a_note_of_it_become_the_stacks(disk: Path) -> None:
    (disk / ".stack").unlink()
    assert guard(disk) == (0, "")
    assert (disk / ".stack").read_text() == "uat\n"


def test_another_major_version_is_refused_with_the_way_over(disk: Path) -> None:
    code, said = guard(disk, major="16")
    assert code == 1
    assert "was written by Postgres 15, and images.postgres is Postgres 16, which cannot read it" in said
    assert "make upgrade-postgres STACK=uat TO=16" in said
    assert 'docs/runbook.md, "Another major version of Postgres"' in said
    assert (
        "\n## Another major version of Postgres\n" in (SCRIPT.parents[2] / "docs" / "runbook.md").read_text()
    )


def next_cluster(disk: Path, major: str = "17") -> Path:
    """What `make upgrade-postgres` leaves beside the data."""
    folder = disk / "postgres.next"
    (folder / "global").mkdir(parents=True)
    (folder / "PG_VERSION").write_text(f"{major}\n")
    (folder / "global" / "pg_control").write_text("control of the next")
    return folder


def test_what_was_made_of_the_data_for_that_version_takes_their_place(disk: Path) -> None:
    next_cluster(disk)
    assert guard(disk, major="17") == (0, "")
    assert (disk / "postgres" / "PG_VERSION").read_text() == "17\n"
    (before,) = disk.glob("postgres.before_*")
    assert (before / "PG_VERSION").read_text() == "15\n"
    assert not (disk / "postgres.next").exists()
    assert guard(disk, major="17") == (0, ""), "again, as of the next minor version"
    assert (disk / "postgres" / "global" / "pg_control").read_text() == "control of the next"


def test_one_that_was_cut_off_between_two_names_goes_on(disk: Path) -> None:
    next_cluster(disk)
    (disk / "postgres").rename(disk / "postgres.before_20261128t010000z")
    assert guard(disk, major="17") == (0, "")
    assert (disk / "postgres" / "PG_VERSION").read_text() == "17\n"


@pytest.mark.parametrize(("major", "stack"), [("16", "uat"), ("15", "uat"), ("17", "prod")])
def test_it_takes_nobodys_place_but_for_its_own_image_and_stack(disk: Path, major: str, stack: str) -> None:
    left = next_cluster(disk)
    code, _ = guard(disk, major=major, stack=stack)
    assert code == (0 if (major, stack) == ("15", "uat") else 1)
    assert (disk / "postgres" / "PG_VERSION").read_text() == "15\n"
    assert left.exists()


def test_an_image_that_does_not_say_its_version_is_left_to_the_server(disk: Path) -> None:
    assert guard(disk, major="") == (0, "")


def test_the_data_of_another_stack_are_refused_and_stay_its(disk: Path) -> None:
    code, said = guard(disk, stack="prod")
    assert code == 1
    assert "holds the data of the stack uat, and this is prod: is it the right disk?" in said
    assert f"echo prod | sudo tee {disk}/.stack" in said
    assert (disk / ".stack").read_text() == "uat\n"


@pytest.mark.parametrize("missing", ["PG_VERSION", "global/pg_control"])
def test_what_is_no_whole_database_is_refused(disk: Path, missing: str) -> None:
    (disk / "postgres" / missing).unlink()
    code, said = guard(disk)
    assert code == 1
    assert "holds files and no whole database" in said
    assert f"sudo mv {disk}/postgres {disk}/postgres.aside" in said


@pytest.mark.parametrize(
    ("stack", "image"), [("uat", "image-postgres"), ("prod", "image-postgres-archiving")]
)
def test_it_is_asked_for_each_image_before_the_server_of_the_last_one_stops(stack: str, image: str) -> None:
    recorded: Recorded = declared(stack)
    named = {
        resource.name: resource
        for resource in recorded.resources
        if resource.type.startswith(("command:", "docker:"))
    }
    asked = named["postgres-guard"]
    assert asked.inputs["triggers"] == [f"sha256:{image}"]
    assert asked.inputs["create"].endswith(f"sh -s -- /mnt/data/postgres sha256:{image} {stack}")
    assert asked.urn in named["postgres"].request.dependencies


def test_a_developers_volume_is_not_asked() -> None:
    assert "postgres-guard" not in {resource.name for resource in declared("local").resources}
