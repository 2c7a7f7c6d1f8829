"""From a sample to a message: the real store, vmalert, Alertmanager, and those who are told.

Rules and configuration are the program's own, with shorter times: a `for` of minutes is one of a second, and
what waits for others waits for two.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from components.monitoring import alertmanager, alerts
from components.settings.notifications import Notifications
from rehearsal.receivers import Healthchecks, Slack
from tests.components.monitoring import programs
from tests.ports import free_ports

RULES = Path(alerts.__file__).parent / "rules"
WAITS = {
    "for": "1s",
    "keep_firing_for": "1s",
    "group_wait": {"0s": "0s", "20s": "2s", "1m": "3s"},
    "group_interval": {"1m": "2s", "5m": "3s"},
    "repeat_interval": {"2m30s": "1s", "4h": "4h", "1d": "1d"},
}
Sample = Mapping[str, float]
"""By the series, its value now."""


class Chain:
    """The three programs in the folder `home`, and what they tell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.slack, self.switch = Slack(), Healthchecks()
        self.notifications = Notifications(slack=True, heartbeat=True)
        self.environment: dict[str, str] = {}
        """Of the programs, beside that of the test."""
        self.rules = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(RULES.glob("*.yaml"))}
        self.ports = dict(zip(("store", "alerts", "alertmanager"), free_ports(3), strict=True))
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    # ── the programs

    def begin(self) -> None:
        """Starts all of them."""
        self.begin_store()
        self.write({'up{job="metrics"}': 1})
        self.begin_alertmanager()
        self.begin_alerts()

    def begin_store(self) -> None:
        self._run(
            "store",
            programs.victoria_metrics(),
            f"-storageDataPath={self.home / 'store'}",
            f"-httpListenAddr=127.0.0.1:{self.ports['store']}",
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=64MiB",
        )
        self._answers("store", "/health")

    def begin_alertmanager(self) -> None:
        folder = self.home / "alertmanager"
        folder.mkdir(exist_ok=True)
        configuration = shortened(alertmanager.configuration(self.notifications, str(folder)))
        (folder / "alertmanager.json").write_text(json.dumps(configuration))
        (folder / "messages.tmpl").write_text((RULES.parent / "messages.tmpl").read_text())
        (folder / "slack").write_text(f"{self.slack.webhook}\n")
        (folder / "smtp").write_text("canary-password\n")
        (folder / "heartbeat").write_text(self.switch.ping)
        words = alertmanager.arguments(str(folder), str(self.home / "kept"), self.ports["alertmanager"])
        self._run("alertmanager", programs.alertmanager(), *words)
        self._answers("alertmanager", "/-/ready")

    def begin_alerts(self) -> None:
        folder = self.home / "rules"
        folder.mkdir(exist_ok=True)
        for name, content in self.rules.items():
            (folder / f"{name}.yaml").write_text(json.dumps(shortened(content)))
        words = alerts.arguments(
            "uat",
            str(folder),
            f"http://127.0.0.1:{self.ports['store']}",
            f"http://127.0.0.1:{self.ports['alertmanager']}",
            self.ports["alerts"],
        )
        quick = ("-evaluationInterval=1s", "-rule.resendDelay=2s", "-rule.evalDelay=0s")
        slow = ("-evaluationInterval", "-rule.resendDelay")
        self._run("alerts", programs.vmalert(), *(w for w in words if not w.startswith(slow)), *quick)
        self._answers("alerts", "/health")

    def end(self, *names: str) -> None:
        """Ends those that are named, or all, and those who are told."""
        # The store last: vmalert waits for it, to hand over what it knows.
        for name in names or tuple(reversed(self.running)):
            process = self.running.pop(name)
            process.terminate()
            process.wait(20)
        if not names:
            self.slack.close()
            self.switch.close()

    def _run(self, name: str, *words: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                words, stdout=log, stderr=log, cwd=self.home, env=os.environ | self.environment
            )

    def _answers(self, name: str, path: str) -> None:
        wait_for(lambda: self.ask(name, path, quiet=True) is not None, 20, self.log(name))

    def ask(self, name: str, path: str, data: bytes | None = None, *, quiet: bool = False) -> str | None:
        """What a program answers; None if it does not, where that is no error (`quiet`)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[name]}{path}", data=data)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if quiet:
                return None
            raise

    def log(self, name: str) -> Callable[[], str]:
        """The end of what a program said, for an error."""
        return lambda: (self.home / f"{name}.log").read_text()[-2000:]

    # ── what happens

    def write(self, samples: Sample, ago_seconds: float = 0) -> None:
        """Samples of now, or of a while ago."""
        moment = round((time.time() - ago_seconds) * 1000)
        lines = "".join(f"{series} {value} {moment}\n" for series, value in samples.items())
        self.ask("store", "/api/v1/import/prometheus", lines.encode())
        self.ask("store", "/internal/force_flush")

    def told(self, number: int, within: float = 20) -> list[Any]:
        """The messages of Slack, once there are so many.

        Raises:
            AssertionError: there are fewer in time.
        """
        wait_for(lambda: len(self.slack.messages) >= number, within, self._what_was_told)
        return self.slack.messages

    def quiet(self, seconds: float = 6) -> None:
        """Fails if anything is told meanwhile."""
        before = len(self.slack.messages)
        time.sleep(seconds)
        assert len(self.slack.messages) == before, self._what_was_told()

    def _what_was_told(self) -> str:
        messages = [f"{one.title}\n{one.text}" for one in self.slack.messages]
        return "\n".join([*messages, self.log("alertmanager")(), self.log("alerts")()])


def shortened(content: Any) -> Any:
    """A configuration with its times as `WAITS` has them."""
    if isinstance(content, Mapping):
        return {key: _shorter(key, value) for key, value in content.items()}
    if isinstance(content, list):
        return [shortened(one) for one in content]
    return content


def _shorter(key: str, value: Any) -> Any:
    wait = WAITS.get(key)
    if wait is None:
        return shortened(value)
    return wait if isinstance(wait, str) else wait[value]


def wait_for(holds: Callable[[], bool], seconds: float, why: Callable[[], str]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, why()
        time.sleep(0.05)


def fields(text: str) -> list[str]:
    """The commands of a message."""
    return re.findall(r"```(.*?)```", text, re.DOTALL)


@contextmanager
def chain(home: Path) -> Iterator[Chain]:
    """All of them, which end with the block."""
    whole = Chain(home)
    try:
        whole.begin()
        yield whole
    finally:
        whole.end()
