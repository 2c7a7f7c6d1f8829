"""What `make restore` understands, says and refuses; and how the work at the server is told of."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operations.place import LOST_LINE, Place
from operations.restore import NoSource, Restore, Wish, act
from operations.restore.dumps import choose, parse
from operations.restore.job import Job, JobFailed

LISTING = """\
jira/2026-11-27T010000Z.dump 1048576
jira/2026-11-28T010000Z-scheduled.dump 2097152
temporal/2026-11-28T010000Z-scheduled.dump 100
temporal_visibility/2026-11-28T010000Z-scheduled.dump 100
jira/2026-11-28T093000Z-release.dump 3145728
jira/2026-11-28T100000Z-manual.dump.partial 5
jira_before_20261128t120000z 9000000
temporal_visibility_before_20261120t120000z 9000000
jira_scratch 5
listed
"""
ALL = ("jira", "temporal", "temporal_visibility")


@pytest.mark.parametrize(
    ("wanted", "databases", "name"),
    [
        ("latest", ("jira",), "2026-11-28T093000Z-release"),
        ("latest", ALL, "2026-11-28T010000Z-scheduled"),
        ("before", ("jira",), "before_20261128t120000z"),
        ("before_20261128t120000z", ("jira",), "before_20261128t120000z"),
        ("2026-11-27T010000Z", ("jira",), "2026-11-27T010000Z"),
        ("2026-11-28T09:29:59Z", ("jira",), "2026-11-28T010000Z-scheduled"),
        ("2026-11-28T11:30:00+02:00", ("jira",), "2026-11-28T093000Z-release"),
    ],
)
def test_what_is_meant_is_found(wanted: str, databases: tuple[str, ...], name: str) -> None:
    assert choose(parse(LISTING), wanted, databases).name == name


def copy(name: str, cluster: str, **sizes: int) -> dict[str, Any]:
    """A snapshot as restic lists it, of those that offsite.sh makes."""
    tags = [
        f"name={name}",
        f"kind={name.rpartition('-')[2]}",
        *(f"{key}={size}" for key, size in sizes.items()),
    ]
    return {
        "id": "ab12",
        "hostname": cluster,
        "tags": tags,
        "time": "2026-11-28T01:00:00Z",
        "paths": ["/jira"],
    }


AWAY = [
    copy("2026-11-28T020000Z-scheduled", "600", jira=7, temporal=1, temporal_visibility=1),
    copy("2026-11-28T090000Z-manual", "700", jira=5),
    copy("2026-11-28T093000Z-release", "700", jira=3145728),
]
"""Of a cluster that is gone, of this one alone, and what is still here, too."""


@pytest.mark.parametrize(
    ("wanted", "databases", "name", "away", "former"),
    [
        ("latest", ("jira",), "2026-11-28T093000Z-release", False, False),
        ("2026-11-28T09:10:00Z", ("jira",), "2026-11-28T090000Z-manual", True, False),
        ("2026-11-28T08:00:00Z", ("jira",), "2026-11-28T010000Z-scheduled", False, False),
        ("former", ALL, "2026-11-28T020000Z-scheduled", True, True),
        ("2026-11-28T020000Z-scheduled", ("jira",), "2026-11-28T020000Z-scheduled", True, True),
    ],
)
def test_what_is_off_the_machine_counts_where_nothing_else_does(
    wanted: str, databases: tuple[str, ...], name: str, away: bool, former: bool
) -> None:
    """A copy of a cluster that is gone is asked for: as the latest it would be a step back."""
    sources = parse(f"{LISTING}cluster 700\n{json.dumps(AWAY)}\n")
    found = choose(sources, wanted, databases)
    assert (found.name, found.away, found.former) == (name, away, former)


def test_the_list_says_what_is_off_the_machine_and_whose() -> None:
    lines = [str(source) for source in parse(f"cluster 700\n{json.dumps(AWAY)}\n")]
    assert [line.partition(" (off ")[2] for line in lines] == [
        "the machine), of a former cluster (600)",
        "the machine)",
        "the machine)",
    ]


def test_a_bucket_that_nobody_has_copied_to_is_no_source() -> None:
    assert parse("cluster 700\n[]\n") == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("2026-11-20T00:00:00Z", "there is for jira:\n  2026-11-27T010000Z"),
        (
            "2026-11-28T100000Z-manual",
            "must be latest, before, former, a dump's name, or a moment such as 20",
        ),
        ("yesterday", "must be latest, before, former, a dump's name, or a moment such as 20"),
        ("2026-11-28T09:00:00", "must say of which time zone, such as 2026-11-28T09:00:00+00:00"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(wanted: str, words: str) -> None:
    with pytest.raises(NoSource) as raised:
        choose(parse(LISTING), wanted, ("jira",))
    assert str(raised.value).startswith(f"FROM: got {wanted}; ")
    assert words in str(raised.value)


def test_temporals_databases_are_exchanged_together() -> None:
    assert Wish.of("latest", "temporal", "").databases == ("temporal", "temporal_visibility")
    assert Wish.of("latest", "temporal", "scratch").databases == ("temporal",)
    assert Wish.of("latest", "all", "").databases == ALL


@pytest.mark.parametrize(
    ("database", "into", "words"),
    [
        ("jria", "", "DATABASE: got jria; must be all, or of jira, temporal, temporal_visibility"),
        ("", "", "DATABASE: got ; must be all"),
        ("jira", "My-Copy", "INTO: got My-Copy; must be a word"),
        ("jira", 'x"; drop', "INTO: got "),
    ],
)
def test_a_word_that_means_nothing_is_refused(database: str, into: str, words: str) -> None:
    with pytest.raises(NoSource, match=words):
        Wish.of("latest", database, into)


COMMANDS = {"postgres-roles": "R", "temporal-schema": "S", "migration": "M", "migration-record": "N"}


def deployment(**changes: str | None) -> Any:
    """With a state of a local stack that was deployed, but for some of its commands."""
    stack = "urn:pulumi:uat::jira-plus-plus::pulumi:pulumi:Stack::jira-plus-plus-uat"
    resources: list[dict[str, Any]] = [
        {
            "type": "pulumi:pulumi:Stack",
            "urn": stack,
            "outputs": {"containers": {"api": "api-1"}, "docker_host": ""},
        }
    ]
    for name, command in {**COMMANDS, **changes}.items():
        if command:
            urn = f"urn:pulumi:uat::jira-plus-plus::command:local:Command::{name}"
            resources.append({"type": "command:local:Command", "urn": urn, "inputs": {"create": command}})
    return SimpleNamespace(stack="uat", resources=lambda: resources, environment={})


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine, whose Docker lists `LISTING` and whose jobs are below the folder that is given."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    binary = tmp_path / "bin" / "docker"
    binary.parent.mkdir()
    (tmp_path / "listing").write_text(LISTING)
    binary.write_text(f'#!/bin/sh\n[ "$2" != "" ] || exit 1\n[ "$1" != exec ] || cat {tmp_path}/listing\n')
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:/usr/bin:/bin")
    return tmp_path


def test_without_from_what_there_is_is_listed(local: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert act(Restore(deployment()), Wish.of("", "jira", ""), sure=False) == 0
    said = capsys.readouterr().out
    assert "2026-11-28T093000Z-release        2026-11-28 09:30:00 UTC  jira 3.0 MB" in said
    assert said.endswith("make restore STACK=uat FROM=latest|before|former|<name>|<moment>\n")


def test_it_says_what_it_will_do_and_does_nothing_unless_the_name_is_typed(
    local: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "prod")
    assert act(Restore(deployment()), Wish.of("latest", "jira", ""), sure=False) == 1
    said = capsys.readouterr().out
    assert said.startswith("uat: jira as at 2026-11-28 09:30:00 UTC, ")
    assert "API and worker stop" in said
    assert said.endswith("not restored\n")
    assert not (local / "jira-plus-plus").exists()


def test_the_script_runs_at_the_server_with_the_programs_own_commands(
    local: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = local / "restore.sh"
    script.write_text(
        'cd "$(dirname "$0")"; echo "$@"; cat roles temporal-schema migration migration-record; echo; '
        "echo 0 >code"
    )
    monkeypatch.setattr("operations.restore.SCRIPT", script)
    assert act(Restore(deployment()), Wish.of("latest", "all", ""), sure=True) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [f"uat 2026-11-28T010000Z-scheduled  {' '.join(ALL)}", "RSMN"]


def test_a_stack_that_was_not_deployed_to_its_end_is_refused(local: Path) -> None:
    with pytest.raises(NoSource, match=r"uat was not deployed to its end \(migration\): `make deploy` first"):
        act(Restore(deployment(migration=None)), Wish.of("latest", "jira", ""), sure=True)


def test_of_a_stack_that_is_only_recorded_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    recorded = deployment()
    recorded.environment["REHEARSAL_DOCKER"] = "record"
    assert act(Restore(recorded), Wish.of("latest", "jira", ""), sure=True) == 0
    assert "none runs: there is nothing to restore from" in capsys.readouterr().out


def test_a_stack_that_is_not_up_is_refused() -> None:
    with pytest.raises(NoSource, match="uat is not up: `make deploy STACK=uat`"):
        Restore(SimpleNamespace(stack="uat", resources=list, environment={}))  # type: ignore[arg-type]


def test_containers_that_do_not_run_are_named(local: Path) -> None:
    (local / "bin" / "docker").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(NoSource, match="the containers postgres and backup of uat do not run"):
        Restore(deployment()).listing()


# ── the job


def job(place: Place | None = None, **options: Any) -> Job:
    return Job(place or Place((), ""), "restore-uat", "restore.sh", **options)


def test_a_job_goes_on_without_who_began_it_and_is_told_of_from_its_beginning(local: Path) -> None:
    begun = job()
    assert not begun.running()
    begun.start({"restore.sh": 'echo one; echo; sleep 1; echo two; echo 0 >"$(dirname "$0")/code"'}, [])
    assert begun.running()
    for _ in range(2):  # two who look on
        said: list[str] = []
        job().follow(said.append)
        assert said == ["one", "two"]
    assert not begun.running()


def test_two_at_once_are_one_too_many(local: Path) -> None:
    job().start({"restore.sh": "sleep 1"}, [])
    with pytest.raises(JobFailed, match="restore-uat could not be begun at Docker of this machine"):
        job().start({"restore.sh": "true"}, [])


@pytest.mark.parametrize(
    ("script", "words", "code"),
    [
        ('echo 3 >"$(dirname "$0")/code"', "ended with 3", 3),
        (
            "kill -KILL $$",
            "was cut off and has left no word of its end: the same command begins it again",
            None,
        ),
    ],
)
def test_how_it_ended_is_told(local: Path, script: str, words: str, code: int | None) -> None:
    job().start({"restore.sh": script}, [])
    with pytest.raises(JobFailed, match=words) as failed:
        job().follow(print)
    assert failed.value.code == code


def test_a_line_that_breaks_is_made_again_and_nothing_is_said_twice(local: Path) -> None:
    """ssh ends with 255, and what runs at the server does not end."""

    class Breaking(Place):
        times = 0

        def popen(self, command: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
            Breaking.times += 1
            if Breaking.times == 1:
                command = f"timeout 0.7 sh -c {shlex.quote(command)}; exit {LOST_LINE}"
            return super().popen(command, stdin)

    script = 'for i in 1 2 3 4; do echo "line $i"; sleep 0.5; done; echo 0 >"$(dirname "$0")/code"'
    job().start({"restore.sh": script}, [])
    said: list[str] = []
    job(Breaking((), ""), sleep=lambda _: None).follow(said.append)
    assert Breaking.times > 1
    assert [line for line in said if line.startswith("line ")] == ["line 1", "line 2", "line 3", "line 4"]
    assert any("was lost; it goes on there" in line for line in said)
