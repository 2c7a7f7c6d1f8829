"""The real store of logs takes what is brought to it, and finds it as the runbook says."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.monitoring import logs, ship_logs
from tests.components.monitoring import programs
from tests.components.monitoring.journal import API, Machine, entry, until
from tests.ports import free_ports

RUNBOOK = (Path(__file__).parents[3] / "docs" / "runbook.md").read_text()


class VictoriaLogs:
    """The program with the command line that its container has, but for place and port and age."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self.port,) = free_ports(1)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it answers."""
        own = ("storageDataPath", "retentionPeriod", "storage.minFreeDiskSpaceBytes")
        words = [word for word in logs.arguments(128, 30, 2048) if word[1:].partition("=")[0] not in own]
        self.process = subprocess.Popen(
            [
                *(programs.victoria_logs(), *words, f"-storageDataPath={self._folder}"),
                *(f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=100y", "-futureRetention=100y"),
            ],
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, 20)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Ends it."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    def _answers(self) -> bool:
        try:
            return self.ask("*", limit=1) is not None
        except OSError:
            return False

    def ask(self, query: str, limit: int = 100_000) -> list[dict[str, Any]]:
        """The lines that a query finds."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.request("GET", "/internal/force_flush")
        line.getresponse().read()
        words = urllib.parse.urlencode({"query": query, "limit": limit})
        line.request("GET", f"/select/logsql/query?{words}")
        answer = line.getresponse()
        text = answer.read().decode()
        line.close()
        assert answer.status == 200, f"{query}: {text}"
        return [json.loads(one) for one in text.splitlines()]

    def count(self, query: str = "*") -> int:
        """How many there are."""
        (found,) = self.ask(f"{query} | stats count() lines")
        return int(found["lines"])


@contextmanager
def running(folder: Path) -> Iterator[VictoriaLogs]:
    store = VictoriaLogs(folder)
    store.start()
    try:
        yield store
    finally:
        store.kill(signal.SIGTERM)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path, monkeypatch)
    machine.store.server_close()
    return machine


def request(number: int, level: str = "info", **fields: Any) -> dict[str, Any]:
    return entry(number, json.dumps({"level": level, "msg": f"line {number}", **fields}), **API)


def test_what_is_brought_is_found_by_service_level_request_and_release(
    machine: Machine, tmp_path: Path
) -> None:
    long = json.dumps({"level": "warn", "msg": "m" * 40000, "user": {"id": 7}})
    machine.say(
        request(1, request_id="r-1", status=200),
        request(2, "error", request_id="r-2", status=502),
        entry(3, long[:16384], **API, CONTAINER_PARTIAL_ID="p", CONTAINER_PARTIAL_MESSAGE="true"),
        entry(4, long[16384:], **API, CONTAINER_PARTIAL_ID="p"),
        entry(5, "by hand", PRIORITY="3", SYSLOG_IDENTIFIER="deploy"),
        entry(6, "\u0000" * 130_000, **API),
    )
    with running(tmp_path / "data") as store:
        machine.port = store.port
        with machine.shipping():
            until(lambda: store.count() == 5, 20)
        found = {
            query: sorted(int(line["seq"]) for line in store.ask(query))
            for query in (
                'request_id:="r-1"',
                "level:in(error,fatal)",
                'service:=api release:="sha256:feed" level:=error',
                "status:>=500",
                "user.id:=7",
                'source:=machine identifier:="deploy"',
                "container:=api-0a1b2c3",
                '{service="api"} line',
                "r-1",
            )
        }
        (line,) = store.ask("seq:=4")
        (zeros,) = store.ask("seq:=6 | len(_msg) as size")
    assert list(found.values()) == [[1], [2, 5], [2], [2], [4], [5], [1, 2, 4, 6], [1, 2], []], (
        "a bare word is looked for in the message"
    )
    assert line["_msg"] == "m" * 40000
    assert line["_time"] == "2026-11-29T00:00:00.000004Z"
    assert line["_stream"].startswith('{host="')
    assert int(zeros["size"]) == 130_000, "the longest of lines as JSON is taken"


def test_what_the_store_had_in_its_memory_alone_when_it_was_killed_comes_again(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship_logs, "SETTLE_SECONDS", 10.0)
    store = VictoriaLogs(tmp_path / "data")
    store.start()
    machine.port = store.port
    machine.say(*(request(number) for number in range(1, 4001)))
    with machine.shipping():
        until(lambda: store.count() == 4000, 20)
        store.kill()
        store.start()
        machine.start("2026-11-29T01:00:00Z")
        machine.say(*(request(number) for number in range(4001, 4101)))
        until(lambda: store.count() >= 4100, 30)
    (found,) = store.ask("* | stats count() lines, count_uniq(seq) different")
    store.kill(signal.SIGTERM)
    assert found == {"lines": "4100", "different": "4100"}


def queries() -> list[str]:
    """Of the page of the runbook."""
    page = RUNBOOK.partition("\n## What the logs say\n")[2].partition("\n## ")[0]
    found = re.findall(r"^logs '(.*?)' +#", page, re.MULTILINE)
    found += re.findall(r'--post-data="query=(.*?)"', page)
    found += re.findall(r"`([\w.]+:[^/`\s]\S*)`", page)
    return [re.sub(r"<\w+>", "x", query) for query in found]


def test_each_query_of_the_runbook_is_one(tmp_path: Path) -> None:
    assert len(queries()) >= 10
    with running(tmp_path / "data") as store:
        for query in queries():
            assert store.ask(query) == [] or "stats" in query
