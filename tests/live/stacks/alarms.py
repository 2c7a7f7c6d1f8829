"""Faults that are made on a stack that boots, and who is told of them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.machines.docker import network
from rehearsal.receivers import Healthchecks, Slack
from tests.live.stacks.stand import LEAVING, Stand
from tests.playbook.target import Target

TOLD_SECONDS = 2400
"""The longest `for` of those that are made here, what comes before it, and a group's turn."""
ENDED_SECONDS = 1200
"""A group of tickets has its turn each five minutes; what looks back on a quarter of an hour ends so late,
and a copy is tried again after ten minutes."""


@dataclass
class Fault:
    """What is done, and by which words of a message it is known."""

    alert: str
    what: str
    says: str
    cause: Callable[[], object]
    mend: Callable[[], object]
    caused: float = 0
    mended: float = 0
    told: float | None = None
    """Seconds until Slack had the message."""
    ended: float | None = None
    """Seconds from its mending."""


@dataclass
class Uat:
    """The stack, and those who are told."""

    stand: Stand
    target: Target
    slack: Slack
    switch: Healthchecks
    rows: list[Fault] = field(default_factory=list)

    def ssh(self, command: str, check: bool = True) -> str:
        return self.target.ssh(command, check=check)

    def name(self, service: str) -> str:
        return self.target.containers()[service]

    def make(self, *faults: Fault) -> None:
        """Makes them all, waits until all are told, and mends them."""
        self.begin(*faults)
        self.mend(*faults)

    def begin(self, *faults: Fault) -> None:
        """Makes them."""
        self.rows += faults
        for fault in faults:
            fault.caused = time.time()
            fault.cause()

    def mend(self, *faults: Fault) -> None:
        """Waits until all are told, and mends them, told or not."""
        self._until(faults, "told", TOLD_SECONDS)
        for fault in faults:
            fault.mended = time.time()
            fault.mend()

    def end(self, *faults: Fault) -> None:
        """Waits until all are told as ended."""
        self._until(faults, "ended", ENDED_SECONDS)

    def _until(self, faults: Sequence[Fault], what: str, limit: float) -> None:
        """Notes when Slack had the message of each; one that did not come is told at the end."""
        until = time.monotonic() + limit
        while time.monotonic() < until and any(getattr(fault, what) is None for fault in faults):
            for fault in faults:
                since = fault.caused if what == "told" else fault.mended
                if getattr(fault, what) is None and (at := self.message(fault, since, ended=what == "ended")):
                    setattr(fault, what, at - since)
            time.sleep(1)

    def message(self, fault: Fault, since: float, *, ended: bool) -> float | None:
        """When the first message since then had it among those that fire, or that ended."""
        sign = (
            rf"{fault.says}[^\n]*: no longer \({fault.alert},"
            if ended
            else rf"\*[^\n]*{fault.says}[^\n]*\* \({fault.alert},"
        )
        return next((m.at for m in self.slack.messages if m.at > since and re.search(sign, m.text)), None)


@contextmanager
def watched(folder: Path) -> Iterator[Uat]:
    """UAT that is up and tells a Slack and a switch; `ALERTS_TABLE=<file>` has the rows added there."""
    slack, switch = Slack("0.0.0.0", name=network.GATEWAY), Healthchecks("0.0.0.0", name=network.GATEWAY)
    sections = {"notifications": {"slack": True, "heartbeat": True}, "backup": LEAVING}
    with closing(slack), closing(switch), closing(Stand(folder, "uat", sections)) as stand:
        stand.rehearsal.secrets = {"slack_webhook": slack.webhook, "heartbeat_url": switch.ping}
        stand.run("up")
        uat = Uat(stand, stand.target(), slack, switch)
        yield uat
        if os.environ.get("ALERTS_TABLE"):
            with Path(os.environ["ALERTS_TABLE"]).open("a") as table:
                table.writelines(f"{row(one)}\n" for one in uat.rows)


def row(fault: Fault) -> str:
    """A line of docs/alerts.md."""

    def seconds(value: float | None) -> str:
        return "not within the time" if value is None else f"{value:.0f} s"

    return f"| {fault.alert} | {fault.what} | {seconds(fault.told)} | {seconds(fault.ended)} |"


def missed(faults: Sequence[Fault], what: str) -> list[str]:
    """Those of which Slack did not hear in time: `told`, or `ended`."""
    return [one.alert for one in faults if getattr(one, what) is None]
