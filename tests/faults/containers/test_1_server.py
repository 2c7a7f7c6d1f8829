"""What may happen to the server and to its disk."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.faults.containers.stack import Stack, docker, reason
from tests.faults.watch import Watch
from tests.live.archive.cluster import ARCHIVE_SECONDS, PSQL, eventually

pytestmark = [pytest.mark.faults, pytest.mark.live, pytest.mark.timeout(900)]

WHERE = "containers"


@pytest.mark.fault("a process of the server's is killed with -9", WHERE)
def test_a_process_of_the_servers_is_killed(stack: Stack, watch: Watch) -> None:
    asked = "select pid from pg_stat_activity where backend_type = 'walwriter'"
    pid = stack.sql(asked)
    watch.struck()
    stack.run("postgres", "bash", "-c", f"kill -9 {pid}")
    watch.healed(lambda: stack.sql(asked) not in ("", pid))
    watch.counted("all sessions end, the log is replayed")


@pytest.mark.fault("the server is killed with -9 and started again", WHERE)
def test_the_server_is_killed(stack: Stack, watch: Watch) -> None:
    watch.struck()
    stack.kill("postgres")
    stack.start("postgres")
    watch.healed()
    watch.counted("the log is replayed")


@pytest.mark.fault("the server hangs for 15 s (SIGSTOP)", WHERE)
def test_the_server_hangs(stack: Stack, watch: Watch) -> None:
    docker("pause", stack.name("postgres"))
    time.sleep(15)
    docker("unpause", stack.name("postgres"))
    watch.over()
    watch.healed()
    watch.counted("commits wait, and are made")


@pytest.mark.fault("the disk of the data is full, and so is its log of writes", WHERE)
def test_the_disk_of_the_data_is_full(stack: Stack, watch: Watch) -> None:
    with stack.filled("postgres"):
        for _ in range(60):  # those that were made before are used up first
            if stack.run(
                "postgres", *PSQL, "jira", stdin="select txid_current(), pg_switch_wal()"
            ).returncode:
                break
        else:
            pytest.fail("the log of writes found room")
        said = docker("logs", "--tail=40", stack.name("postgres"), check=False)
        time.sleep(2)
    watch.over()
    if not stack.container("postgres"):  # a machine's service does it
        stack.start("postgres")
    stack.answers()
    watch.healed()
    watch.counted("the server stops at the first write that has no room, and is well once there is some")
    assert (
        "No space left"
        in said
        + subprocess.run(
            ["docker", "logs", "--tail=400", stack.name("postgres")],
            capture_output=True,
            text=True,
            check=True,
        ).stderr
    )


@pytest.mark.fault("a page on the disk of the data rots", WHERE)
def test_a_page_rots(stack: Stack, watch: Watch) -> None:
    stack.logged()
    stack.sql("checkpoint")
    path = stack.disk("postgres") / stack.sql("select pg_relation_filepath('ballast')")
    stack.kill("postgres")
    content = bytearray(path.read_bytes())
    content[8192 * 100 + 4000] ^= 16
    path.write_bytes(content)
    watch.struck()
    stack.start("postgres")
    stack.answers()
    made = stack.script("backup.sh", "manual")
    assert made.returncode == 1
    said = reason(made.stderr)
    assert "invalid page in block 100" in said
    identity = stack.identity
    with watch.writer.resting():
        now = stack.sql("select clock_timestamp()")
        stack.restored(**stack.moment(identity, now))
    stack.dumped()
    watch.healed()
    watch.counted(f"the next dump: “{said}”; had back from the log up to that moment")


@pytest.mark.fault(
    "the disk of the data is lost",
    WHERE,
    may_lose="60 s of commits; here every 10 s, so 25 s",
    seconds_allowed=ARCHIVE_SECONDS + 15,
)
def test_the_disk_of_the_data_is_lost(stack: Stack, watch: Watch) -> None:
    identity = stack.identity
    stack.logged()
    time.sleep(2 * ARCHIVE_SECONDS)
    stack.kill("postgres")
    watch.struck()
    lost_at = time.monotonic()
    data = stack.disk("postgres")
    subprocess.run(["find", data, "-mindepth", "1", "-delete"], check=True)
    stack.start("postgres")
    stack.answers()
    with watch.writer.resting():
        stack.restored(**stack.moment(identity, "newest"))
        present = watch.present()
    watch.healed()
    watch.counted(
        "an empty cluster is made, and the old one's log replayed to its end", present | own(watch), lost_at
    )
    watch.writer.forget()
    eventually(lambda: f'"cluster": "{stack.identity}"' in stack.text("archive.json"), 300)


def own(watch: Watch) -> set[int]:
    """What was committed since, which is there."""
    return watch.present()
