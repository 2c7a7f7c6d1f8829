"""What a plan means, of steps as the engine tells them (`tests/engine/test_meaning.py` has it tell them)."""

from __future__ import annotations

from typing import Any

import pytest

from operations import gaps
from operations.gaps import Gap
from operations.journal import STACK, Journal, Step
from operations.meaning import Meaning, markdown, text

CONTAINER = "docker:index/container:Container"
IMAGE = "docker:index/remoteImage:RemoteImage"
COMMAND = "command:remote:Command"
SERVER = "hcloud:index/server:Server"
VOLUME = "hcloud:index/volume:Volume"
BUDGET = {"server_mb": 1000, "reserve_mb": 100}


def step(op: str, name: str, type_: str, **more: Any) -> Step:
    values: dict[str, Any] = {"old": {}, "new": {}, "changed": {}, **more}
    return Step(op=op, urn=f"urn:pulumi:uat::p::{type_}::{name}", type=type_, **values)


def replaced(name: str, type_: str, *, start_first: bool, **more: Any) -> list[Step]:
    """The three steps of a replacement, in the order of its kind."""
    made = [step(op, name, type_, **more) for op in ("create-replacement", "replace")]
    gone = step("delete-replaced", name, type_, **more)
    return [*made, gone] if start_first else [gone, *made]


def release(old: str = "app:1", new: str = "app:2") -> list[Step]:
    """What becomes of the image, the API and the migration where the image is another one."""
    limits = {"memory": 300}
    return [
        *replaced(
            "image-api",
            IMAGE,
            start_first=True,
            old={"name": old},
            new={"name": new},
            changed={"name": "update-replace"},
            outputs={"imageId": "sha256:1"},
        ),
        step("update", "migration-backup", COMMAND, changed={"create": "update"}),
        step("update", "migration", COMMAND, changed={"create": "update"}),
        *replaced(
            "api",
            CONTAINER,
            start_first=True,
            old={**limits, "image": "sha256:1"},
            new={**limits, "image": "sha256:2"},
            changed={"image": "update-replace"},
        ),
    ]


def points(*steps: Step, **outputs: Any) -> dict[str, str]:
    """The sentences by subject."""
    told = Meaning.of("uat", Journal(steps=list(steps), outputs=outputs))
    return {subject: "; ".join(said) for subject, said in told.points}


def test_a_release_says_how_from_where_one_goes_back_and_what_it_takes() -> None:
    journal = Journal(
        steps=[*release(), step("same", "postgres", CONTAINER, old={"memory": 500}, new={"memory": 500})],
        outputs={"memory_budget": BUDGET, "cost_per_month": {"items": {"server": 5}}},
    )
    assert markdown(Meaning.of("uat", journal)) == [
        "| service | how it is replaced | gap | why |",
        "|---|---|---|---|",
        "| `api` | beside the one that runs, which then drains and stops | none | image 1 → 2 |",
        "",
        "- **Data**: the migration of the new release runs once, before a container of it is made; one that "
        "fails stops the release; before it each database is dumped, and the dump proven by a restore; the "
        "way back is `make rollback STACK=uat`, then `make restore STACK=uat FROM=<time>-release` (without "
        "FROM it lists the names)",
        "- **No way back**: what the migration does to the data: a rollback leaves the schema as it is",
        "- **Memory**: 300 MB twice for a while (api), beside 800 MB of limits and 100 MB for the system: "
        "1200 of 1000 MB: 200 MB more than there is",
        "- **Cost**: 5.00 € a month",
    ]


def test_a_terminal_is_told_the_same_in_lines() -> None:
    assert text(Meaning.of("uat", Journal(steps=release()))).splitlines()[:3] == [
        "what it means",
        "  Services     api: beside the one that runs, which then drains and stops; gap: none; "
        "why: image 1 → 2",
        "  Data         the migration of the new release runs once, before a container of it is made; one "
        "that fails stops the release",
    ]


def test_a_command_that_leads_the_traffic_over_is_told_of() -> None:
    over = step("update", "api-cutover", COMMAND, changed={"create": "update"})
    (row,) = Meaning.of("uat", Journal(steps=[*release(), over])).services
    assert row.how == "beside the one that runs, then the traffic is switched"


def test_what_stops_first_has_its_gap_and_who_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gaps.GAPS, "traefik", Gap(3, "everything"))
    change = {"old": {"destroyGraceSeconds": 25}, "changed": {"ports": "update-replace"}}
    steps = [
        *replaced("traefik", CONTAINER, start_first=False, **change),
        *replaced("other", CONTAINER, start_first=False, **change),
    ]
    other, traefik = Meaning.of("uat", Journal(steps=steps)).services
    assert (traefik.how, traefik.gap, traefik.why) == ("stops first", "at most 3 s: everything", "ports")
    assert other.gap == "not measured: at most 25 s to stop, and until the next one is healthy"


def test_services_of_which_the_same_is_to_be_said_share_a_row() -> None:
    variables = {
        "old": {"envs": ["A=1", "LOG_LEVEL=info"]},
        "new": {"envs": ["A=1", "LOG_LEVEL=debug"]},
        "changed": {"envs[1]": "update-replace"},
    }
    steps = [s for name in ("api", "web") for s in replaced(name, CONTAINER, start_first=True, **variables)]
    (row,) = Meaning.of("uat", Journal(steps=steps)).services
    assert (row.services, row.why) == (("api", "web"), "environment (LOG_LEVEL)")


def test_a_changed_file_is_told_by_where_it_is_mounted() -> None:
    def mounted(digest: str) -> dict[str, Any]:
        return {"mounts": [{"target": "/data", "source": "v"}, {"target": "/etc/jira", "source": digest}]}

    steps = replaced(
        "api",
        CONTAINER,
        start_first=True,
        old=mounted("a"),
        new=mounted("b"),
        changed={"mounts[1].source": "update-replace"},
    )
    (row,) = Meaning.of("uat", Journal(steps=steps)).services
    assert row.why == "what is mounted at /etc/jira"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("app:1@sha256:aaaaaaaaaa", "app:1@sha256:bbbbbbbbbb", "image 1, digest aaaaaaaa → bbbbbbbb"),
        ("app:1", "app:1@sha256:bbbbbbbbbb", "image 1, digest none → bbbbbbbb"),
        ("one/app:1", "two/app:1", "image one/app:1 → two/app:1"),
    ],
)
def test_images_are_told_apart_by_what_differs(old: str, new: str, said: str) -> None:
    (row,) = Meaning.of("uat", Journal(steps=release(old, new))).services
    assert row.why == said


def test_with_the_log_archived_a_moment_of_it_is_enough_to_go_back_to() -> None:
    archiving = step("same", "image-postgres-archiving", IMAGE)
    assert "that moment of the database's log gets a name" in points(*release(), archiving)["Data"]


def test_a_migration_before_which_nothing_is_kept_says_so() -> None:
    steps = [s for s in release() if s.name != "migration-backup"]
    assert "nothing is kept before it" in points(*steps)["Data"]


def test_the_migration_of_the_release_that_runs_needs_no_way_back() -> None:
    told = points(step("update", "migration", COMMAND, changed={"triggers[0]": "update"}))
    assert "finds nothing to do" in told["Data"]
    assert told["No way back"] == "nothing"


def test_a_new_database_has_nothing_to_go_back_to() -> None:
    made = [
        step("create", "image-api", IMAGE),
        step("create", "postgres", CONTAINER, new={"memory": 512}),
        step("create", "migration", COMMAND),
    ]
    told = points(*made, cost_per_month={"items": {"server": 4.49, "volume": 0.44}})
    assert told == {
        "Data": "the migration runs in a database that is new: there is nothing to go back to",
        "No way back": "nothing",
        "Memory": "512 MB of limits",
        "Cost": "4.93 € a month",
    }


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (step("delete", "host-volume", VOLUME), "host-volume is deleted, with all data on it"),
        (
            step("delete", "host-volume", VOLUME, protected=True),
            "host-volume is deleted: it is protected, and the deploy refuses that",
        ),
        (
            step("delete", "bucket", "cloudflare:index/r2Bucket:R2Bucket", retained=True),
            "bucket is forgotten, and stays where it is",
        ),
        (
            step(
                "update",
                "host-volume",
                VOLUME,
                old={"size": 10},
                new={"size": 20},
                changed={"size": "update"},
            ),
            "host-volume grows from 10 to 20 GB, and cannot shrink",
        ),
        (
            step("delete", "host-ipv4", "hcloud:index/primaryIp:PrimaryIp", outputs={"ipAddress": "::1"}),
            "host-ipv4 is deleted: the address ::1 is not to be had again",
        ),
        (
            step("delete", "edge-api-a", "cloudflare:index/dnsRecord:DnsRecord", old={"name": "api.example"}),
            "the name api.example leads nowhere",
        ),
        (
            step("replace", "session", "random:index/randomPassword:RandomPassword"),
            "session is replaced: what was made with the old one does not fit the new one",
        ),
    ],
)
def test_what_cannot_be_undone_is_told(lost: Step, said: str) -> None:
    assert points(lost)["No way back"] == said


def test_what_the_cutover_ends_is_no_loss() -> None:
    plan = Journal(steps=[step("delete", "web", CONTAINER, retained=True)])
    assert dict(Meaning.of("uat", plan).points)["No way back"] == ["nothing"]


def test_a_volume_that_containers_only_read_holds_no_data() -> None:
    volume = step("delete", "bin", "docker:index/volume:Volume", old={"name": "bin-1"})
    mount = {"source": "bin-1", "target": "/bin", "readOnly": True}
    reader = step("same", "watchtower", CONTAINER, old={"mounts": [mount]})
    assert points(volume, reader)["No way back"] == "nothing"
    writer = step("same", "other", CONTAINER, old={"mounts": [{**mount, "readOnly": False}]})
    assert points(volume, reader, writer)["No way back"] == "bin is deleted, with all data on it"


def test_a_server_of_another_type_is_off_meanwhile() -> None:
    types = {
        "old": {"serverType": "cx23"},
        "new": {"serverType": "cx33"},
        "changed": {"serverType": "update"},
    }
    before = step("update", "uat", STACK, outputs={"cost_per_month": {"items": {"server": 4.0}}})
    told = points(
        before, step("update", "host-server", SERVER, **types), cost_per_month={"items": {"server": 6.5}}
    )
    assert told["Server"].startswith("is switched off, becomes cx33 (cx23 so far), and is switched on: ")
    assert told["Cost"] == "6.50 € a month, +2.50 € (server 4.00 → 6.50)"


def test_what_runs_on_a_server_that_is_made_anew_goes_with_it() -> None:
    steps = [*replaced("host-server", SERVER, start_first=False), *release()]
    (row,) = Meaning.of("uat", Journal(steps=steps)).services
    assert (row.how, row.gap) == ("made anew on the new server", "as long as the server's")
    assert "its root disk goes" in points(*steps)["No way back"]


def test_a_plan_that_changes_nothing_means_nothing() -> None:
    same = Journal(steps=[step("same", "api", CONTAINER), step("update", "uat", STACK)])
    assert not Meaning.of("uat", same)
    assert markdown(Meaning.of("uat", same)) == []
    assert text(Meaning.of("uat", same)) == ""


OUTPUTS = {"canary": None}
ONE = {"image": "app:2", "share": 5}


def canary(before: Any, after: Any, *steps: Step) -> str:
    """What is said of a canary that the outputs name before and after."""
    stack = step("update", "uat", STACK, outputs={"canary": before})
    return points(stack, *steps, step("update", "cutover", COMMAND), canary=after).get("Canary", "")


STAYS = "each stays for a day, by a cookie, where it was sent first"
ONE_SCHEMA = (
    "both run on one schema, that of the API: what the canary's image would migrate is not migrated before "
    "it is promoted"
)


@pytest.mark.parametrize(
    ("before", "after", "steps", "said"),
    [
        (None, None, [], ""),
        (
            None,
            ONE,
            [],
            f"5 % of the clients get it, once it is well and has answered the proxy; {STAYS}; {ONE_SCHEMA}",
        ),
        (ONE, ONE, [], "5 % of the clients have it, as before"),
        (
            ONE,
            {**ONE, "share": 20},
            [],
            f"5 → 20 % of the clients get it; {STAYS}, so that takes as long",
        ),
        (
            ONE,
            {**ONE, "image": "app:3"},
            [],
            f"5 % of the clients have it, as before; its image is another: 2 → 3; {ONE_SCHEMA}",
        ),
        (
            ONE,
            ONE,
            release("app:0", "app:1"),
            "5 % of the clients have it, as before; it runs on the schema of the new release of the API, as "
            "soon as that has migrated",
        ),
        (
            ONE,
            None,
            [],
            "it is taken back: its 5 % of the clients are served by the API as the others, and what it has "
            "written stays",
        ),
        (
            ONE,
            None,
            release("app:1", "app:2"),
            "it is promoted: its image is a release as any other, with its migration first, and its 5 % stay "
            "with it until then",
        ),
    ],
)
def test_what_becomes_of_a_canary_is_told(before: Any, after: Any, steps: list[Step], said: str) -> None:
    assert canary(before, after, *steps) == said


def test_a_canary_that_goes_has_no_gap() -> None:
    (row,) = Meaning.of(
        "uat", Journal(steps=[step("delete", "api-canary", CONTAINER, retained=True)])
    ).services
    assert (row.how, row.gap) == ("drains and stops, once the API has all of the traffic", "none")


def test_the_memory_of_a_build_that_is_kept_for_its_assets_counts() -> None:
    budget = {**BUDGET, "services": {"web_before": 50}}
    assert (
        "beside 350 MB of limits and 100 MB for the system: 750 of 1000 MB"
        in points(*release(), memory_budget=budget)["Memory"]
    )
