"""When a drill is due, and what the health says of the last one: of the copies and of the log alike."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.backup import scripts

DAY = 86400
KINDS = {
    "copies": ({"DRILL_COPIES_DAYS": "7"}, scripts.BUCKETS, "copies"),
    "log": ({"DRILL_LOG_DAYS": "7", "ARCHIVE": "prod"}, scripts.ARCHIVE, "backups"),
}
"""What the container has for it, beside what makes dumps, and what the days are of."""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    """A folder with a dump that is young, and something off the machine, of either kind."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "status.json").write_text(json.dumps({"finished": int(time.time())}))
    (folder / "offsite.json").write_text('{"name": "2026-11-28T020000Z-scheduled"}')
    (folder / "archive.json").write_text('{"cluster": "7713273879553593366"}')
    return folder


@pytest.fixture
def run(tmp_path: Path, backups: Path, kind: str) -> Run:
    """Runs a script in a stack that has this kind alone."""
    variables, files, _ = KINDS[kind]
    for path, content in (scripts.DUMPS | files).items():
        (tmp_path / Path(path).name).write_text(content)

    def run(
        script: str, *arguments: str, archive: bool = True, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        given = {name: value for name, value in variables.items() if archive or name != "ARCHIVE"}
        return subprocess.run(
            ["bash", str(tmp_path / script), *arguments],
            env={
                "PATH": "/usr/bin:/bin",
                "BACKUPS": str(backups),
                "DATABASES": "jira temporal",
                "MAXIMUM_AGE_HOURS": "26",
                **given,
                **changes,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def due(run: Run, kind: str) -> bool:
    done = run("drill.sh", "due", kind)
    assert done.stderr == ""
    return done.returncode == 0


def health(run: Run, **changes: str) -> tuple[int, str]:
    """Of the drill, and not of the archive, which is asked of the server's files."""
    done = run("healthcheck.sh", archive=False, **changes)
    assert done.stderr == ""
    return done.returncode, done.stdout


def told(backups: Path, kind: str, ok: bool, days: float, **more: object) -> None:
    """The evidence of a drill that was so long ago, and took ten minutes."""
    moment = int(time.time() - days * DAY)
    found = {
        "kind": kind,
        "ok": ok,
        "stamp": "x",
        "began": moment - 600,
        "finished": moment,
        "good": 5,
        **more,
    }
    (backups / f"drill-{kind}.json").write_text(
        json.dumps(found if ok else found | {"reason": "jira: no room"})
    )


def test_without_anything_off_the_machine_none_is_due(run: Run, backups: Path, kind: str) -> None:
    for name in ("offsite.json", "archive.json"):
        (backups / name).unlink()
    assert not due(run, kind)
    assert health(run)[0] == 0
    shown = run("drill.sh", "show", kind)
    assert shown.returncode == 1
    assert f"no drill of the {kind} was made yet" in shown.stderr


@pytest.mark.parametrize(
    ("ok", "days", "expected", "healthy"),
    [
        (True, 6.9, False, True),
        (True, 7.1, True, True),
        (True, 9.1, True, False),
        (False, 0.01, False, False),
        (False, 0.05, True, False),
    ],
)
def test_it_is_due_each_so_many_days_and_overdue_two_days_after(
    run: Run, backups: Path, kind: str, ok: bool, days: float, expected: bool, healthy: bool
) -> None:
    told(backups, kind, ok, days)
    assert due(run, kind) == expected
    code, said = health(run)
    assert (code == 0) == healthy, said
    failed = f"the last drill of the {kind} failed: jira: no room"
    overdue = f"the drill of the {kind} is overdue: the last was 9 days ago"
    good = f"the last good drill of the {kind} was {int(days)} days ago"
    assert said.endswith(f"{good if healthy else overdue if ok else failed}\n")


@pytest.mark.parametrize(("tables", "expected"), [(0, True), (1, False)])
def test_one_of_an_empty_database_is_followed_by_another_the_next_day(
    run: Run, backups: Path, kind: str, tables: int, expected: bool
) -> None:
    """What leaves a new stack first is from before its first migration."""
    told(backups, kind, True, 1.1, databases={"jira": {"tables": tables, "rows": 0, "mb": 7}})
    assert due(run, kind) == expected


def test_where_none_was_ever_made_the_days_count_from_the_first_that_could_have_been(
    run: Run, backups: Path, kind: str
) -> None:
    assert health(run)[0] == 0
    assert due(run, kind)
    assert health(run)[0] == 0, "a first deploy has none yet"
    (backups / f"drill-{kind}-awaited").write_text(str(int(time.time() - 9.1 * DAY)))
    assert due(run, kind)
    code, said = health(run)
    assert code == 1
    assert f"the drill of the {kind} is overdue: none in 9 days of {KINDS[kind][2]}" in said


def test_a_container_that_was_made_anew_starts_and_tries_again_what_failed_before(
    run: Run, backups: Path, kind: str
) -> None:
    """Else what mends a drill, a new key say, could not be deployed: a deploy waits for health."""
    told(backups, kind, False, 0.01)
    assert not due(run, kind)
    (backups / f"drill-{kind}-anew").touch()
    assert due(run, kind)
    code, said = health(run)
    assert code == 0
    assert f"the last drill of the {kind} failed: jira: no room; it is made again now" in said
    assert health(run, LIFE_SECONDS="0")[0] == 1, "for its first minutes alone"


def test_the_other_kind_s_drill_is_no_answer(run: Run, backups: Path, kind: str) -> None:
    (other,) = set(KINDS) - {kind}
    told(backups, other, True, 0)
    assert due(run, kind)
    told(backups, other, False, 0.01)
    assert health(run)[0] == 0, "of a setting that was taken out"


@pytest.mark.parametrize("given", [(), ("dumps",)])
def test_another_kind_is_none(run: Run, given: tuple[str, ...]) -> None:
    done = run("drill.sh", "run", *given)
    assert done.returncode == 1
    assert done.stderr.endswith(f"{' '.join(given) or 'nothing'} is none of copies, log\n")
