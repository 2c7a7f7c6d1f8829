"""A made-up journal, Docker and store of logs, for the script that brings the one's lines to the other."""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from components.monitoring import ship_logs

# From the entry of the cursor on, or the first one after it, and then what is added.
JOURNALCTL = """\
#!/usr/bin/env python3
import json, re, sys, time
assert {{"--follow", "--merge", "--no-tail", "--all", "--output=json"}} <= set(sys.argv)
after = next((w.partition("=")[2] for w in sys.argv if w.startswith("--cursor=")), "s=0;i=0;")
begin = int(re.search(r"i=([0-9a-f]+);", after)[1], 16)
with open({file!r}) as journal:
    while True:
        line = journal.readline()
        if not line:
            time.sleep(0.02)
        elif int(re.search(r"i=([0-9a-f]+);", json.loads(line)["__CURSOR"])[1], 16) >= begin:
            sys.stdout.write(line)
            sys.stdout.flush()
"""
DOCKER = """\
#!/bin/sh
case "$*" in
  'image inspect'*gone) exit 1 ;;
  'image inspect'*) echo 'ghcr.io/example-org/api@sha256:feed ghcr.io/other/api@sha256:beef' ;;
  inspect*) cat {file} ;;
esac
"""


def cursor(number: int, boot: str = "b1", sequence: str = "5eed") -> str:
    """As journalctl writes one."""
    return f"s={sequence};i={number:x};b={boot};m={number:x};t={1_795_910_400_000_000 + number:x};x=0"


def entry(number: int, message: Any, boot: str = "b1", **fields: str) -> dict[str, Any]:
    """An entry of the journal."""
    return {
        "__CURSOR": cursor(number, boot),
        "__REALTIME_TIMESTAMP": str(1_795_910_400_000_000 + number),
        "MESSAGE": message,
        "PRIORITY": "6",
        **fields,
    }


API = {
    "CONTAINER_NAME": "api-0a1b2c3",
    "CONTAINER_ID": "0123456789ab",
    "CONTAINER_TAG": "jira-uat-api",
    "IMAGE_NAME": "sha256:d00d",
    "_TRANSPORT": "journal",
    "_SYSTEMD_UNIT": "docker.service",
}
"""Fields of what a container says."""


class Store(ThreadingHTTPServer):
    """A store of logs. `lines` are what it took; what it does to a request can be changed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lines: list[dict[str, Any]] = []
        self.settled: list[dict[str, Any]] = []
        self.taken: Callable[[list[dict[str, Any]]], int] = lambda _: 200
        """The status for so many lines; 0: none, and the connection ends."""
        self.asked: list[str] = []

    @property
    def texts(self) -> list[str]:
        """What was said, in the journal's order."""
        return [line["_msg"] for line in sorted(self.lines, key=lambda line: int(line["seq"]))]


class Handler(BaseHTTPRequestHandler):
    """Answers as VictoriaLogs does."""

    protocol_version = "HTTP/1.1"
    server: Store

    def do_GET(self) -> None:
        """Health, and the flush."""
        self._answer(200, b"OK")

    def do_POST(self) -> None:
        """Lines, and which of them are there."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/select/"):
            query = parse_qs(body.decode())["query"][0]
            self.server.asked.append(query)
            least = int(re.search(r"seq:>(\d+)", query)[1])  # type: ignore[index]
            found = [line for line in self.server.lines if int(line["seq"]) > least]
            return self._answer(
                200, "".join(json.dumps({"seq": str(x["seq"])}) + "\n" for x in found).encode()
            )
        assert self.path == "/insert/jsonline?_stream_fields=host,service"
        lines = [json.loads(line) for line in body.splitlines()]
        status = self.server.taken(lines)
        if status in (0, 200):
            self.server.lines += lines
        if status:
            return self._answer(status, b"")
        self.close_connection = True
        return None

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Machine:
    """The folder with all of it; `shipping` runs the script on it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._journal, self._container = folder / "journal.jsonl", folder / "container"
        self.state, self.metrics = folder / "state", folder / "metrics"
        programs = folder / "bin"
        for path in (programs, self.state, self.metrics):
            path.mkdir()
        self._journal.touch()
        for name, text, file in (
            ("journalctl", JOURNALCTL, self._journal),
            ("docker", DOCKER, self._container),
        ):
            (programs / name).write_text(text.format(file=str(file)))
            (programs / name).chmod(0o755)
        patch.setenv("PATH", str(programs), prepend=":")
        patch.setattr(ship_logs, "BATCH_SECONDS", 0.05)
        patch.setattr(ship_logs, "SETTLE_SECONDS", 0.3)
        patch.setattr(ship_logs, "SAVE_SECONDS", 0.0)
        patch.setattr(ship_logs, "TELL_SECONDS", 0.0)
        patch.setattr(ship_logs, "PAUSES", (0.05,))
        self.store = Store()
        self.port = self.store.server_port
        self.start()

    def start(self, began: str = "2026-11-29T00:00:00Z") -> None:
        """The container of the store runs since then."""
        self._container.write_text(f"{began} 127.0.0.1\n")

    def stop(self) -> None:
        """It does not run."""
        self._container.write_text("2026-11-29T00:00:00Z\n")

    def say(self, *entries: dict[str, Any]) -> None:
        """Adds to the journal."""
        with self._journal.open("a") as journal:
            journal.writelines(f"{json.dumps(one)}\n" for one in entries)

    def vacuum(self) -> None:
        """The journal forgets all that it has."""
        self._journal.write_text("")

    @contextmanager
    def shipping(self, *, ours: bool = False) -> Iterator[ship_logs.Shipper]:
        """The script runs; at the end it is stopped, as systemd does."""
        shipper = self.made(ours=ours)
        thread = threading.Thread(target=shipper.run)
        thread.start()
        try:
            yield shipper
        finally:
            shipper.stop()
            thread.join(10)
            assert not thread.is_alive()

    def made(self, *, ours: bool = False) -> ship_logs.Shipper:
        """The script as it begins."""
        return ship_logs.Shipper(
            argparse.Namespace(
                prefix="jira-uat-",
                store=f"jira-uat-logs:{self.port}",
                folder=str(self.metrics),
                state=str(self.state),
                ours=ours,
            )
        )

    def told(self) -> dict[str, float]:
        """The metrics that it has written."""
        text = (self.metrics / "logs.prom").read_text()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in text.splitlines())
            if not name.startswith("#")
        }

    @property
    def position(self) -> str:
        """The cursor from which on it would read."""
        found = json.loads((self.state / "position.json").read_text())["cursor"]
        return str(found)


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)
