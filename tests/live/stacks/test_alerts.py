"""Alerts of a machine that boots: a fault is made, and seconds are counted until Slack has it, and its end.

In the order of the file. `ALERTS_TABLE=<file>` has the rows written there, for docs/alerts.md.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.components.monitoring.test_runbook import RULES, sections
from tests.live.stacks.alarms import Fault, Uat, missed, watched
from tests.playbook.asking import asking
from tests.playbook.graphql import Api
from tests.playbook.waiting import seconds_until
from tests.playbook.wholeness import CRASH, whole

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(3600)]

LEFT_ON_DISK = 1600 * 1024 * 1024


@pytest.fixture(scope="module")
def uat(folder: Path) -> Iterator[Uat]:
    with watched(folder) as uat:
        yield uat


def test_a_stack_that_is_well_tells_nobody_but_the_switch(uat: Uat) -> None:
    seconds_until("the switch is called", lambda: uat.switch.calls, 240)
    told = [message.title for message in uat.slack.messages if message.title]
    assert told == [], "what has no title is told by the run itself"
    health = uat.target.health()
    assert (health["alerts"], health["alertmanager"]) == ("healthy", "healthy")


@pytest.mark.parametrize("alert", RULES)
def test_the_command_of_an_alert_can_be_run(uat: Uat, alert: str) -> None:
    """Those at the server; `make` has tests of its own."""
    command = RULES[alert]["annotations"]["command"]
    for label, value in (
        (r"\$externalLabels.stack", "uat"),
        (r"\$labels.service", "web"),
        (r"\$labels.unit", "docker.service"),
        (r"\$labels.secret", "admin"),
    ):
        command = re.sub(rf"\{{\{{ {label} \}}\}}", value, command)
    if not command.startswith("ssh '"):
        assert command.startswith("make "), command
        return
    assert runs(uat, command).strip(), f"{command} prints nothing"


@pytest.mark.parametrize(
    "page", sorted({RULES[alert]["annotations"]["runbook"] for alert in RULES} | {"an-alert-was-told"})
)
def test_the_commands_of_its_page_can_be_run(uat: Uat, page: str) -> None:
    """Those of a page's blocks that need no more than names."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```", sections()[page], re.MULTILINE | re.DOTALL)
    for line in "".join(blocks).splitlines():
        command = line.strip().partition("      #")[0].strip()
        command = (
            command.replace("<stack>", "uat").replace("<service>", "web").replace("<unit>", "docker.service")
        )
        command = command.replace("<alert>", "DiskFullSoon").replace("<you>", "ops")
        command = command.replace("<container>", "jira-uat-traefik")
        if command.startswith("ssh '") and not re.search(r"<\w", command) and not MAKES.search(command):
            runs(uat, command)


MAKES = re.compile(
    r"systemctl (start|restart|reboot)|\brm\b|dropdb|(archive|offsite|masked|backup).sh|docker start|node -e"
)
"""What changes something, or is another test's."""


def runs(uat: Uat, command: str) -> str:
    """What a command of the runbook prints; its `ssh` is the stack's output. A grep may find nothing."""
    (words,) = shlex.split(command, comments=True)[1:]
    done = uat.target.ssh(f"({words}) 2>&1", check=False)
    wrong = [
        sign
        for sign in ("command not found", "No such container", "Usage:", "unknown flag", "syntax error")
        if sign in done
    ]
    assert not wrong, f"{command}: {done}"
    return done or "nothing found"


@pytest.fixture(scope="module")
def slow(uat: Uat) -> tuple[Fault, ...]:
    """The buckets are away, which takes a quarter of an hour to be told: begun before the others."""
    egress = uat.ssh("docker network ls --quiet --filter label=jira-plus-plus.network=egress").strip()

    def away(container: str) -> Callable[[], str]:
        return lambda: uat.ssh(f"docker network disconnect {egress} {container}")

    def back(container: str) -> Callable[[], str]:
        return lambda: uat.ssh(f"docker network connect {egress} {container}")

    script = "docker exec --detach jira-uat-backup /bin/sh /run/jira/entrypoint.sh -- bash /etc/jira"
    first = "docker exec jira-uat-backup test -e /backups/drill-copies.json && echo there || true"
    seconds_until("the first drill is made", lambda: "there" in uat.ssh(first), 240)
    faults = (
        Fault(
            "ArchiveFailing",
            "the database's container has no way to the bucket of its log",
            "The database's log does not leave the machine",
            away("jira-uat-postgres"),
            back("jira-uat-postgres"),
        ),
        Fault(
            "BackupFailed",
            "the backup's container has no way to the bucket of the copies, and a dump is made",
            "The last backup .copy. failed",
            lambda: (away("jira-uat-backup")(), uat.ssh(f"{script}/backup.sh manual")),
            back("jira-uat-backup"),
        ),
        Fault(
            "DrillOverdue",
            "the same, and a drill is made",
            "The drill of the copies failed",
            lambda: uat.ssh(f"{script}/drill.sh run copies"),
            lambda: uat.ssh(f"{script}/drill.sh run copies"),
        ),
        Fault(
            "AlertsNotSent",
            "the dead man's switch answers 500",
            "Alerts do not reach webhook",
            lambda: uat.switch.refuse(500),
            uat.switch.accept,
        ),
        Fault(
            "ReleaseFailed",
            "the record says that a release was begun two hours ago, and the last good one was before it",
            "A release was begun, and was not found good",
            lambda: uat.ssh(BEGUN),
            lambda: uat.ssh(
                "for file in releases releases.begun; do sudo mv /mnt/data/$file.kept /mnt/data/$file; done"
            ),
        ),
        Fault(
            "SecretOld",
            "the note says that a password was made two years ago",
            "The secret admin is ",
            lambda: uat.ssh("sudo sed -i.kept 's/^\\(admin [^ ]* \\)20[0-9]*/\\12024/' /mnt/data/rotated"),
            lambda: uat.ssh("sudo mv /mnt/data/rotated.kept /mnt/data/rotated"),
        ),
    )
    uat.begin(*faults)
    return faults


def test_faults_are_told(uat: Uat, slow: tuple[Fault, ...]) -> None:
    ssh = uat.ssh
    web, autoheal = map(uat.name, ("web", "autoheal"))

    def queue() -> None:
        with uat.target.http() as client:
            api = Api(uat.target, client).login()
            issue = api.create("waits for a worker")
            ssh(LIMIT.format(limit=0))
            api.triage(issue)

    fill = (
        "sudo fallocate --length $(($(df --output=avail --block-size=1 /mnt/data | tail -n 1) - "
        f"{LEFT_ON_DISK})) /mnt/data/ballast"
    )
    with uat.target.http() as client, asking(lambda: client.get(uat.target.url("web")), pause=0.3):
        uat.make(
            Fault(
                "QueueWaits",
                "somebody limits Temporal's queue to nothing, and somebody else begins a workflow",
                "Work in Temporal.s queue",
                queue,
                lambda: ssh(LIMIT.format(limit="default")),
            ),
            Fault(
                "ServiceDown",
                "`docker stop` of the web container",
                "web is not well",
                lambda: ssh(f"docker stop {web}"),
                lambda: ssh(f"docker start {web}"),
            ),
            Fault(
                "RequestsFail",
                "the same, while somebody asks for its page",
                "of the requests fail",
                lambda: None,
                lambda: None,
            ),
            Fault(
                "ContainerRestarting",
                "autoheal's process is killed five times in 20 s",
                "autoheal restarts again and again",
                lambda: [(ssh(CRASH.format(name=autoheal)), time.sleep(4)) for _ in range(5)],
                lambda: None,
            ),
            Fault(
                "ContainerOutOfMemory",
                "a process in the backup's container fills its memory",
                "backup ran out of its memory",
                lambda: ssh(
                    "timeout 60 docker exec jira-uat-backup bash -c 'x=aaaaaaaa; while :; do x=$x$x; done'",
                    check=False,
                ),
                lambda: None,
            ),
            Fault(
                "UnitFailed",
                "a unit of systemd that fails",
                "The unit trial.service of the machine failed",
                lambda: ssh("sudo systemd-run --quiet --unit=trial false"),
                lambda: ssh("sudo systemctl reset-failed trial.service"),
            ),
            Fault(
                "DiskLow",
                "the data's disk is filled up to 1.6 GB",
                "The disk data has",
                lambda: ssh(fill),
                lambda: ssh("sudo rm /mnt/data/ballast"),
            ),
        )
    assert missed(uat.rows[len(slow) :], "told") == []
    assert uat.slack.mistakes == []


LEAK = (
    "/bin/sh /run/jira/entrypoint.sh -- node -e 'const all_sessions = process.env.DATABASE_URL; "
    'const { Client } = require("pg"); '
    "for (let i = 0; i < 60; i++) "
    "new Client({ connectionString: all_sessions }).connect().catch(() => {}); "
    "setTimeout(() => {}, 3e6)'"
)


LIMIT = (
    "docker run --rm --network $(docker network ls --quiet --filter label=jira-plus-plus.network=workflow) "
    "--entrypoint temporal $(docker images --format '{{{{.ID}}}} {{{{.Repository}}}}' | "
    "grep admin.tools | head -n 1 | cut -d ' ' -f 1) "
    "task-queue config set --address temporal:7233 --namespace jira --task-queue jira "
    "--task-queue-type activity --queue-rps-limit {limit}"
)


BEGUN = """
for file in releases releases.begun; do sudo cp --archive /mnt/data/$file /mnt/data/$file.kept; done
moment() { date -u -d "-$1 hours" +%Y-%m-%dT%H:%M:%SZ; }
sudo sed -i '1s/"when": "[^"]*"/"when": "'$(moment 3)'"/' /mnt/data/releases
moment 2 | sudo tee /mnt/data/releases.begun
"""


def test_sessions_that_are_all_taken_are_told(uat: Uat) -> None:
    """By itself: without a session the worker is not well, and one that is not well silences its queue."""
    api = uat.name("api")
    fault = Fault(
        "PostgresConnections",
        "a process in the API's container opens all sessions of its role, and keeps them",
        "of the connections of jira to Postgres",
        lambda: uat.ssh(f"docker exec --detach {api} {LEAK}"),
        lambda: uat.ssh("sudo pkill -f [a]ll_sessions"),
    )
    uat.make(fault)
    assert missed([fault], "told") == []


def test_buckets_that_are_away_are_told(uat: Uat, slow: tuple[Fault, ...]) -> None:
    uat.mend(*slow)
    assert missed(slow, "told") == []


def test_the_database_that_is_away_is_one_message(uat: Uat) -> None:
    # Of the backup's container, too, which tries again after ten minutes.
    seconds_until("the stack is whole", lambda: whole(uat.target), 900)
    before = len(uat.slack.messages)
    fault = Fault(
        "PostgresDown",
        "`docker stop` of the database",
        "Postgres does not answer",
        lambda: uat.ssh("docker stop jira-uat-postgres"),
        lambda: uat.ssh("docker start jira-uat-postgres"),
    )
    uat.make(fault)
    uat.end(fault)
    assert missed([fault], "told") == missed([fault], "ended") == []
    pages = [one.title for one in uat.slack.messages[before:] if ", page, since" in one.text]
    assert pages == ["[uat] Postgres does not answer"]


def test_the_ends_of_all_are_told(uat: Uat) -> None:
    uat.end(*uat.rows)
    assert missed(uat.rows, "ended") == []
    assert uat.slack.mistakes == []


def test_a_reboot_is_one_message(uat: Uat) -> None:
    seconds_until("the stack is whole", lambda: whole(uat.target), 120)
    before = len(uat.slack.messages)
    fault = Fault(
        "HostRebooted",
        "`systemctl reboot`",
        "The machine was rebooted",
        lambda: uat.ssh("sudo systemctl reboot", check=False),
        lambda: seconds_until("the stack is whole", lambda: whole(uat.target), 300),
    )
    uat.make(fault)
    uat.end(fault)
    assert missed([fault], "told") == missed([fault], "ended") == []
    titles = [message.title for message in uat.slack.messages[before:]]
    assert len(titles) == 2, titles
    since = [at for at in uat.switch.calls if at > fault.caused - uat.switch.period]  # it was away before
    calls = [later - earlier for earlier, later in pairwise(since)]
    assert max(calls) < uat.switch.period + uat.switch.grace, calls
