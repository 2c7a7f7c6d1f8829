"""Which moment is meant, and from what it is had back: a log off the machine, or dumps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from operations.restore import NoSource
from operations.restore.archive import archives, meant
from operations.restore.dumps import parse
from tests.operations.restore.test_restore import AWAY

ALL = ("jira", "temporal", "temporal_visibility")
OLDEST = datetime(2026, 11, 20, tzinfo=UTC)
NEWEST = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=40)
LISTING = f"""\
jira/2026-11-15T010000Z-scheduled.dump 1048576
jira/2026-11-28T010000Z-scheduled.dump 2097152
jira/2026-11-28T020000Z-moment.dump 2097152
cluster 700
point 2026-11-27T093000Z-release 1795771800.25 700
point 2026-11-26T093000Z-release 1795685400.25 600
archive 600 1794000000 1795000000 48
archive 700 {OLDEST.timestamp():.0f} {NEWEST.timestamp():.0f} 100
{json.dumps(AWAY)}
listed
"""


@pytest.mark.parametrize(
    ("wanted", "target", "cluster"),
    [
        ("2026-11-21T03:00:00+02:00", "2026-11-21 01:00:00.000000+00", "700"),
        ("2026-11-21T03:00:00.5Z", "2026-11-21 03:00:00.500000+00", "700"),
        (f"{datetime.now(UTC) - timedelta(seconds=2):%Y-%m-%dT%H:%M:%SZ}", None, "700"),
        ("2026-11-07T00:00:00Z", "2026-11-07 00:00:00.000000+00", "600"),
        ("2026-11-27T093000Z-release", "2026-11-27 09:30:00.250000+00", "700"),
    ],
    ids=["zone", "fraction", "just now", "former", "point"],
)
def test_a_moment_of_the_log_is_that_moment(wanted: str, target: str | None, cluster: str) -> None:
    source = meant(parse(LISTING), archives(LISTING), wanted, ALL)
    assert source.cluster == cluster
    assert source.target == target or target is None
    assert source.former == (cluster == "600")
    assert set(source.bytes) == set(ALL)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("latest", "2026-11-28T093000Z-release"),
        ("2026-11-19T00:00:00Z", "2026-11-15T010000Z-scheduled"),
        ("2026-11-28T020000Z-moment", "2026-11-28T020000Z-moment"),
    ],
)
def test_what_the_log_does_not_reach_is_of_a_dump(wanted: str, name: str) -> None:
    source = meant(parse(LISTING), archives(LISTING), wanted, ("jira",))
    assert (source.name, source.target) == (name, "")


def test_the_former_cluster_is_had_back_from_what_ended_later() -> None:
    copies = parse(LISTING)
    later = LISTING.replace("archive 600 1794000000 1795000000", "archive 600 1794000000 1795900000")
    assert meant(copies, archives(LISTING), "former", ALL).away, "the copy is of later than its log's end"
    log = meant(copies, archives(later), "former", ALL)
    assert (log.target, log.cluster, log.former) == ("newest", "600", True)
    assert log.name == f"{datetime.fromtimestamp(1795900000, UTC):%Y-%m-%dT%H%M%SZ}-moment"


def test_a_former_cluster_without_copies_has_its_log() -> None:
    listing = "\n".join(line for line in LISTING.splitlines() if not line.startswith("["))
    assert meant(parse(listing), archives(listing), "former", ALL).target == "newest"
    with pytest.raises(NoSource, match="FROM: got former"):
        meant(parse(listing), [], "former", ALL)


BRIEF = f"{LISTING}archive 650 1795900000 1795900120 47\n"
"""A recover that was cut short had made it, and it has nothing but what a deploy makes."""


def test_a_cluster_that_a_recover_left_behind_is_not_taken_for_what_was_lost() -> None:
    with pytest.raises(NoSource, match="2 minutes only") as refused:
        meant(parse(BRIEF), archives(BRIEF), "former", ALL)
    assert [line.split()[0] for line in str(refused.value).splitlines()[1:]] == [
        "FROM=former-600",
        "FROM=former-650",
    ]
    assert meant(parse(BRIEF), archives(BRIEF), "former-600", ALL).name == "2026-11-28T020000Z-scheduled"
    emptied = meant(parse(BRIEF), archives(BRIEF), "former-650", ALL)
    assert (emptied.cluster, emptied.target, emptied.former) == ("650", "newest", True)
    with pytest.raises(NoSource, match="got former-651; is none of 600, 650"):
        meant(parse(BRIEF), archives(BRIEF), "former-651", ALL)


def test_the_last_former_cluster_is_meant_where_it_was_there_for_days() -> None:
    longer = BRIEF.replace("1795900000 1795900120", "1795700000 1795900120")
    assert meant(parse(longer), archives(longer), "former", ALL).cluster == "650"


def test_a_moment_to_come_is_no_moment_of_the_log() -> None:
    source = meant(parse(LISTING), archives(LISTING), "2099-01-01T00:00:00Z", ("jira",))
    assert source.target == ""


def test_the_list_says_from_when_to_when() -> None:
    former, own = map(str, archives(LISTING))
    assert former == (
        "any moment from 2026-11-06 21:20:00 to 2026-11-18 11:06:40 UTC, 48.0 MB (off the machine), "
        "of a former cluster (600)"
    )
    assert own.startswith("any moment from 2026-11-20 00:00:00 to ")
    points = [str(source) for source in parse(LISTING) if source.target]
    assert points == [
        f"{'2026-11-27T093000Z-release':<32}  2026-11-27 09:30:00 UTC  in the archive of the log"
    ]
