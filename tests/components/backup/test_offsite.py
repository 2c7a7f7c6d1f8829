"""Copies off the machine, by the real restic: a copy counts once it was read back, and comes back whole."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operations.restore.dumps import STAMP
from rehearsal.images.catalogue import image
from rehearsal.images.gobuild import compiled
from tests.components.backup.test_backup import environment
from tests.components.services.conftest import Server, give

PASSPHRASE = "a-passphrase-that-is-long-enough"
DAMAGED = "offsite-damaged"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def placed_restic(server: Server) -> Path:
    """The program of the image, which is static, where the server's user may run it."""
    owner = image("restic")
    (program,) = owner.programs
    target = server.folder / "programs" / "restic"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(compiled(owner, program, print), target)  # type: ignore[arg-type]
        give(target.parent)
    return target


@pytest.fixture
def restic(server: Server) -> Path:
    return placed_restic(server)


@pytest.fixture
def bucket(server: Server) -> Path:
    """Where the copies go: a folder, which restic takes as it takes a bucket."""
    folder = server.folder / "bucket"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


@pytest.fixture
def offsite(server: Server, backups: Path, bucket: Path, restic: Path) -> Run:
    """Runs a script as the container of the backup does."""

    def run(
        *arguments: str, script: str = "offsite.sh", **changes: str
    ) -> "subprocess.CompletedProcess[str]":
        return server.run(
            "bash", script, *arguments, environment=variables(server, backups, bucket, restic, **changes)
        )

    return run


PROGRAMS = "/usr/lib/postgresql/15/bin:/usr/bin:/bin"


def path_with(server: Server, name: str, script: str) -> str:
    """The PATH on which that script of bash's is restic; in `name`, a folder below the server's."""
    folder = server.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "restic").write_text(f"#!/bin/bash\n{script}\n")
    (folder / "restic").chmod(0o755)
    give(folder)
    return f"{PROGRAMS}:{folder}"


def variables(server: Server, backups: Path, bucket: Path, restic: Path, **changes: str) -> dict[str, str]:
    return {
        **environment(server, backups),
        "OFFSITE_DAILY": "3",
        "OFFSITE_MANUAL": "2",
        "OFFSITE_MONTHLY": "2",
        "OFFSITE_RELEASES": "2",
        "OFFSITE_WEEKLY": "2",
        "OPEN_SECONDS": "10",
        "PATH": f"{PROGRAMS}:{restic.parent}",
        "RESTIC_PASSWORD": PASSPHRASE,
        "RESTIC_REPOSITORY": str(bucket),
        **changes,
    }


def backed_up(server: Server, backups: Path, kind: str = "scheduled") -> str:
    """A backup's files, of the module's one run of it, as of now; its name."""
    made = server.folder / "made"
    if not made.exists():
        made.mkdir()
        give(made)
        done = server.run("bash", "backup.sh", environment=environment(server, made))
        assert done.returncode == 0, done.stderr
    moments = [moment(path.stem) + timedelta(seconds=1) for path in (backups / "jira").glob("*.dump")]
    name = f"{max([datetime.now(UTC), *moments]).strftime(STAMP)}-{kind}"
    for path in made.glob("*/*"):
        (backups / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, backups / path.parent.name / f"{name}{path.suffix}")
    finished = re.sub(r'("finished": )\d+', rf"\g<1>{int(time.time())}", (made / "status.json").read_text())
    (backups / "status.json").write_text(finished)
    give(backups)
    return name


def moment(name: str) -> datetime:
    return datetime.strptime(name[:18], STAMP).replace(tzinfo=UTC)


def reason(backups: Path) -> str:
    return str(json.loads((backups / "offsite-failure.json").read_text())["reason"])


def copied(offsite: Run) -> list[str]:
    """The names of the copies in the bucket."""
    tags = [tag for snapshot in json.loads(offsite("list").stdout) for tag in snapshot["tags"]]
    return sorted(tag[5:] for tag in tags if tag.startswith("name=20"))


def former_and_own(server: Server, backups: Path, offsite: Run, host: str) -> tuple[str, str]:
    """A copy that is of the cluster `host`, though its dump is here, and then one of this."""
    first = backed_up(server, backups)
    assert offsite("push").returncode == 0
    assert offsite("restic", "rewrite", "--forget", f"--new-host={host}").returncode == 0
    (backups / "offsite.json").unlink()
    second = backed_up(server, backups)
    assert offsite("push").returncode == 0
    return first, second


def health(offsite: Run, **changes: str) -> tuple[int, str]:
    done = offsite(script="healthcheck.sh", **changes)
    return done.returncode, done.stdout


def test_a_copy_of_a_clock_that_was_wrong_holds_up_none(server: Server, backups: Path, offsite: Run) -> None:
    """By its name it is newer than all that are made for two days."""
    first = backed_up(server, backups, "manual")
    late = f"{(datetime.now(UTC) + timedelta(days=2)).strftime(STAMP)}-manual"
    for path in backups.glob(f"*/{first}.*"):
        path.rename(path.with_name(f"{late}{path.suffix}"))
    (backups / "offsite.json").write_text(f'{{"name": "{late}", "snapshot": "", "finished": 1}}\n')
    assert offsite("due").returncode == 1, "it waits until its own moment"
    for path in backups.glob(f"*/{late}.*"):
        path.unlink()
    backed_up(server, backups, "manual")
    assert offsite("due").returncode == 0


def test_a_backup_is_copied_read_back_and_told(server: Server, backups: Path, offsite: Run) -> None:
    name = backed_up(server, backups)
    assert offsite("due").returncode == 0
    pushed = offsite("push")
    assert pushed.returncode == 0, pushed.stderr
    assert f"{name} is off the machine, read back" in pushed.stdout
    assert json.loads((backups / "offsite.json").read_text())["name"] == name
    assert offsite("due").returncode != 0
    (snapshot,) = json.loads(offsite("list").stdout)
    sizes = {f"{path.parent.name}={path.stat().st_size}" for path in backups.glob("*/*.dump")}
    assert set(snapshot["tags"]) == {f"name={name}", "kind=scheduled", *sizes}
    assert snapshot["hostname"] == server.sql("postgres", "select system_identifier from pg_control_system()")
    left = {path.name for path in backups.iterdir()} - {"jira", "temporal", "temporal_visibility"}
    assert left <= {"status.json", "offsite.json", ".lock", ".offsite.lock"}


def test_a_copy_comes_back_whole_after_the_machine_is_gone(
    server: Server, backups: Path, offsite: Run
) -> None:
    name = backed_up(server, backups)
    assert offsite("push").returncode == 0
    before = {str(path.relative_to(backups)): path.read_bytes() for path in backups.glob(f"*/{name}.*")}
    assert len(before) == 9
    for path in list(backups.iterdir()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    fetched = offsite("fetch", name, "jira", "temporal", "temporal_visibility")
    assert fetched.returncode == 0, fetched.stderr
    assert {str(path.relative_to(backups)): path.read_bytes() for path in backups.glob("*/*")} == before


def test_what_is_not_there_is_said(server: Server, backups: Path, offsite: Run) -> None:
    backed_up(server, backups)
    assert offsite("push").returncode == 0
    missing = offsite("fetch", "2026-01-01T000000Z-manual", "jira")
    assert missing.returncode != 0
    assert "there is no copy of 2026-01-01T000000Z-manual" in missing.stderr


def test_another_passphrase_is_told_as_that(server: Server, backups: Path, offsite: Run) -> None:
    """Two stacks on one path by mistake, or one that was set anew."""
    backed_up(server, backups)
    assert offsite("push").returncode == 0
    backed_up(server, backups)
    assert offsite("push", RESTIC_PASSWORD="another-passphrase-altogether").returncode != 0
    assert "encrypted with another passphrase than offsite_passphrase" in reason(backups)
    assert offsite("push").returncode == 0
    assert not (backups / "offsite-failure.json").exists()


def test_a_bucket_that_was_emptied_is_no_new_one(
    server: Server, backups: Path, bucket: Path, offsite: Run
) -> None:
    backed_up(server, backups, "manual")
    assert offsite("push").returncode == 0
    shutil.rmtree(bucket)
    backed_up(server, backups, "manual")
    assert offsite("push").returncode != 0
    assert "the bucket was emptied, or is another one; to begin anew: rm" in reason(backups)
    (backups / "offsite.json").unlink()
    assert offsite("push").returncode == 0
    assert len(json.loads(offsite("list").stdout)) == 2


def test_a_service_that_forgets_is_found_out_by_reading_back(
    server: Server, backups: Path, bucket: Path, offsite: Run, restic: Path
) -> None:
    backed_up(server, backups)
    path = path_with(
        server,
        "forgetful",
        f'"{restic}" "$@"\ncode=$?\n'
        f'[[ " $* " != *" backup "* ]] || find {bucket}/data -type f -delete\nexit $code',
    )
    assert offsite("push", PATH=path).returncode != 0
    assert "cannot be read back" in reason(backups)
    assert not (backups / "offsite.json").exists()
    assert health(offsite)[0] == 1


def test_a_flipped_byte_is_found_and_told_until_all_was_read_and_good(
    server: Server, backups: Path, bucket: Path, offsite: Run
) -> None:
    backed_up(server, backups)
    assert offsite("push").returncode == 0
    packs = sorted((bucket / "data").glob("*/*"), key=lambda path: path.stat().st_size)
    good = packs[-1].read_bytes()
    packs[-1].chmod(0o600)
    packs[-1].write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    (backups / DAMAGED).touch()  # reads everything, whatever the day
    give(backups)
    shutil.rmtree(server.folder / "made")  # else the copy would need that very pack
    backed_up(server, backups)
    pushed = offsite("push")
    assert pushed.returncode != 0
    assert "the copies are damaged" in reason(backups), pushed.stderr
    code, said = health(offsite)
    assert code == 1
    assert "copies off the machine are damaged" in said
    packs[-1].write_bytes(good)
    assert offsite("push").returncode == 0, "which looks again, although nothing is new"
    assert not (backups / DAMAGED).exists()
    assert health(offsite)[0] == 0


def test_old_copies_go_by_their_kind_and_others_stay(
    server: Server, backups: Path, offsite: Run, bucket: Path, restic: Path
) -> None:
    now = datetime.now(UTC)
    first = backed_up(server, backups)
    for days in range(1, 4):
        for kind in ("scheduled", "manual"):
            renamed(backups, first, f"{now - timedelta(days=days):{STAMP}}-{kind}")
    assert offsite("push").returncode == 0
    # Of a cluster that was here before: one of last week, one of last year.
    for days in (7, 400):
        moment = f"{now - timedelta(days=days):%F %T}"
        made = offsite(
            "restic",
            "backup",
            "-q",
            "--host=1234",
            f"--time={moment}",
            "--tag=name=x",
            str(bucket / "config"),
        )
        assert made.returncode == 0, made.stderr
    last = backed_up(server, backups)
    assert offsite("push", OFFSITE_DAILY="2", OFFSITE_WEEKLY="0", OFFSITE_MONTHLY="1").returncode == 0
    names = copied(offsite)
    assert last in names
    assert sum(name.endswith("-manual") for name in names) == 2
    assert sum(name.endswith("-scheduled") for name in names) == 2
    kept = json.loads(offsite("list").stdout)
    assert [snapshot["hostname"] for snapshot in kept].count("1234") == 1


def test_what_was_fetched_from_a_former_cluster_stays_its_own(
    server: Server, backups: Path, offsite: Run
) -> None:
    """A restore that failed is begun again with FROM=former, which must be the same."""
    first, second = former_and_own(server, backups, offsite, "1234")
    found = {snapshot["hostname"]: snapshot["tags"] for snapshot in json.loads(offsite("list").stdout)}
    own = server.sql("postgres", "select system_identifier from pg_control_system()")
    assert f"name={first}" in found["1234"]
    assert f"name={second}" in found[own]
    assert len(found) == 2
    assert json.loads((backups / "offsite.json").read_text())["name"] == second


def renamed(backups: Path, name: str, other: str) -> None:
    """A backup once more, as of another time."""
    for path in backups.glob(f"*/{name}.*"):
        shutil.copy(path, path.with_name(f"{other}{path.suffix}"))
    give(backups)


def test_a_push_that_was_killed_leaves_nothing_behind_and_the_next_makes_up_for_it(
    server: Server, backups: Path, bucket: Path, offsite: Run, restic: Path
) -> None:
    backed_up(server, backups)
    slow = server.folder / "slow"
    path = path_with(
        server,
        "slow",
        f'[[ " $* " != *" dump "* ]] || {{ touch {slow}/reached; sleep 8; }}\nexec "{restic}" "$@"',
    )
    process = subprocess.Popen(
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "bash", "offsite.sh", "push"],
        env=variables(server, backups, bucket, restic, PATH=path),
        cwd=server.folder,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not (slow / "reached").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, 9)
    process.wait()
    assert not (backups / "offsite.json").exists(), "it was not read back"
    pushed = offsite("push")
    assert pushed.returncode == 0, pushed.stderr
    assert (backups / "offsite.json").exists()
    assert not list(backups.glob(".outgoing")) + list(backups.glob("offsite-running"))


def test_the_health_is_that_of_the_copy_as_well(server: Server, backups: Path, offsite: Run) -> None:
    assert health(offsite)[0] == 1, "neither"
    name = backed_up(server, backups)
    assert health(offsite) == (0, "the last good backup is 0 h old\nits copy off the machine comes next\n")
    assert health(offsite, LIFE_SECONDS="0")[0] == 1
    (backups / "offsite.json").write_text(json.dumps({"name": name, "snapshot": "1", "finished": 1}))
    assert health(offsite, LIFE_SECONDS="0")[0] == 0
    old = f"{datetime.now(UTC) - timedelta(hours=30):{STAMP}}-scheduled"
    (backups / "offsite.json").write_text(json.dumps({"name": old, "snapshot": "1", "finished": 1}))
    code, said = health(offsite, LIFE_SECONDS="0")
    assert code == 1
    assert "the last good copy off the machine is 30 h old" in said


def test_a_backup_without_a_checksum_is_no_obstacle(server: Server, backups: Path, offsite: Run) -> None:
    """Of a program before this one."""
    name = backed_up(server, backups)
    renamed(backups, name, "2026-01-01T000000Z-scheduled")
    (backups / "jira" / "2026-01-01T000000Z-scheduled.json").unlink()
    assert offsite("push").returncode == 0
    (snapshot,) = json.loads(offsite("list").stdout)
    assert f"name={name}" in snapshot["tags"]
