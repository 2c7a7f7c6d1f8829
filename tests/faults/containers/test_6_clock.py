"""A clock that jumps, and comes back."""

from __future__ import annotations

import json
import time

import pytest

from tests.faults.containers.clock import movable
from tests.faults.containers.stack import Stack
from tests.faults.watch import Watch

pytestmark = [pytest.mark.faults, pytest.mark.live, pytest.mark.timeout(900)]

WHERE = "containers"
DAYS = 2


@pytest.mark.parametrize(
    "days",
    [
        pytest.param(
            DAYS, marks=pytest.mark.fault(f"the clock jumps {DAYS} days forward, and comes back", WHERE)
        ),
        pytest.param(
            -DAYS, marks=pytest.mark.fault(f"the clock jumps {DAYS} days back, and comes forward", WHERE)
        ),
    ],
)
def test_the_clock_jumps(stack: Stack, watch: Watch, days: int) -> None:
    stack.logged()
    with movable(stack) as clock:
        before = stack.newest()
        clock.be_wrong_by(days * 86400)
        here = int(stack.sql("select extract(epoch from clock_timestamp())::bigint"))
        assert abs(here - time.time() - days * 86400) < 60, "the clock is right"
        stack.sql("select txid_current(), pg_switch_wal()")
        wrong = stack.dumped()  # of the schedule's, it would be made at once
        assert (wrong > before) == (days > 0)
        clock.be_wrong_by(0)
        watch.over()
        with watch.writer.resting():
            count = int(stack.sql("select count(*) from acknowledged"))
        stack.archived()
        assert stack.script("archive.sh", "tend").returncode == 0
        assert stack.script("archive.sh", "gaps").returncode == 0
        own = stack.dumped()
        pushed = stack.script("offsite.sh", "push")
        assert pushed.returncode == 0, pushed.stderr
        assert own.stem in stack.script("offsite.sh", "list").stdout, "it is not copied"
        made = stack.script("moment.sh", stack.identity, "newest", "end-moment", "jira")
        assert made.returncode == 0, made.stderr
        held = stack.text("jira/end-moment.content")
        (rows,) = [
            line.split()[2] for line in held.splitlines() if line.startswith("table public.acknowledged ")
        ]
        assert int(rows) >= count
        for path in stack.backups.glob(f"*/{wrong.stem}.*"):
            path.unlink()
    watch.healed()
    assert stack.health()[0] == 0
    state = json.loads(stack.text("status.json"))
    assert state["stamp"]
    stack.tidy()
    watch.counted("the service refuses a wrong hour, so the log waits; then it and a dump leave the machine")
