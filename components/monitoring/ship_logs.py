#!/usr/bin/python3
"""Brings what the machine's journal has to the store of logs, each line once.

    ship_logs.py --prefix jira-uat- --store jira-uat-logs:9428 --folder /srv/jira/metrics \
        --state /var/lib/jira-plus-plus/logs [--ours]

It runs on the machine as root, with Debian's Python and nothing else, and asks Docker for the address of the
store's container. --ours: of the journal, what the stack's containers and units say, and nothing else.

The journal is the queue: while the store is away nothing is read, and what is not read stays there. How far
it was read is in the state folder, a few seconds behind what was sent: the store has what it took on its disk
after five seconds. So after an end of either, what comes twice is asked of the store first, and left out.
Every entry has the journal's number. A number that is missing is a line that is lost, and is counted.
"""

import argparse
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BATCH_LINES = 4000
BATCH_BYTES = 1024 * 1024
BATCH_SECONDS = 1.0
SETTLE_SECONDS = 10.0
"""Twice as long as VictoriaLogs may hold a line in memory alone (its -inmemoryDataFlushInterval)."""
SAVE_SECONDS = 2.0
TELL_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Between two looks at a store that is away; the last again and again."""
CUT = 128 * 1024
"""Characters of one line; what is longer comes in parts. In JSON that is less than the store takes."""
JOINED = 8 * CUT
"""What is joined of one line at most."""
PART_SECONDS = 10.0
"""For the rest of a line, of which nothing comes any more where its container has ended."""
FORGET_SECONDS = 60.0
SLACK_SECONDS = 60
"""By so much a clock may be set back."""
MOST_FIELDS = 900
"""The store takes 1000 a line."""

ENTRY = (
    *("MESSAGE", "MESSAGE_ID", "N_DROPPED", "PRIORITY", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "UNIT"),
    *("_TRANSPORT", "CONTAINER_ID", "CONTAINER_NAME", "CONTAINER_TAG", "IMAGE_NAME"),
    *("CONTAINER_PARTIAL_ID", "CONTAINER_PARTIAL_MESSAGE"),
)
"""The fields that are asked of the journal, which has thirty more for each line."""

Entry = dict[str, Any]
Line = dict[str, Any]


class AwayError(Exception):
    """The store takes nothing now; the text says why."""


class EndedError(Exception):
    """Nothing more comes from the journal; the text says why."""


def say(text: str) -> None:
    """To the journal, which has it for the store, too."""
    print(text, flush=True)


# --- what an entry is ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Position:
    """Where in the journal an entry is: systemd's sd_journal_get_cursor(3)."""

    cursor: str
    sequence: str
    number: int
    """It grows by one with each entry that journald writes, whichever of its files that goes to."""
    boot: str
    micros: int

    @classmethod
    def of(cls, cursor: str) -> "Position":
        """Of `s=…;i=…;b=…;m=…;t=…;x=…`."""
        parts = dict(part.split("=", 1) for part in cursor.split(";") if "=" in part)
        return cls(cursor, parts["s"], int(parts["i"], 16), parts["b"], int(parts["t"], 16))


def text_of(value: Any) -> str:
    """The text of a field, which journalctl writes as numbers where it is none, and as a list of several."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not value:
        return ""
    if all(isinstance(one, int) for one in value):
        return bytes(value).decode("utf-8", "replace")
    return text_of(value[-1])


LEVELS = {
    **dict.fromkeys(("trace", "silly", "verbose"), "trace"),
    "debug": "debug",
    **dict.fromkeys(("info", "information", "informational", "notice", "log"), "info"),
    **dict.fromkeys(("warn", "warning"), "warn"),
    **dict.fromkeys(("err", "error", "eror"), "error"),
    **dict.fromkeys(("fatal", "panic", "dpanic", "crit", "critical", "alert", "emerg", "emergency"), "fatal"),
}
"""By what programs call it, one of six."""
PRIORITIES = ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")
"""syslog's, 0 to 7. Docker gives a container's stdout 6 and its stderr 3."""
LOUD = re.compile(
    r"(?:^|[\s\[(|])(?:(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|PANIC|CRITICAL)(?=[\s:\])|]|$)"
    # Of Postgres, which says the rest after the line that it belongs to.
    r"|(LOG|STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION)(?=:))"
)
QUIET = re.compile(r"\b(?:level|lvl|severity)=\"?([A-Za-z]+)")
HEAD = 160
"""In so many first characters a line of text tells its level."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")

MESSAGES = ("msg", "message", "Message")
NAMES_OF_LEVEL = ("level", "severity", "lvl")
REQUESTS = (
    *("request_id", "requestId", "req_id", "reqId", "x-request-id", "X-Request-Id"),
    # The proxy's: what a client sent, else Cloudflare's own.
    *("request_X-Request-Id", "request_Cf-Ray"),
)
"""What the number of a request is called, by whoever tells it."""


def level_of(value: Any) -> str | None:
    """One of `LEVELS`; pino has numbers for them, 10 to 60."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    if isinstance(value, int):
        return {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}.get(value)
    return LEVELS.get(value.lower())


def level_in(text: str) -> str | None:
    """The level that a line of text begins with."""
    if found := LOUD.search(text, 0, HEAD):
        return LEVELS[found[1].lower()] if found[1] else "info"
    if found := QUIET.search(text, 0, HEAD):
        return LEVELS.get(found[1].lower())
    return None


def structured(text: str) -> dict[str, Any] | None:
    """The fields of a line that is JSON."""
    if not (text.startswith("{") and text.rstrip().endswith("}")) or text.count('":') > MOST_FIELDS:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def said(text: str, own: Line) -> Line:
    """What a line tells, with `own`, what is known of it besides: its fields if it is JSON, else its text."""
    fields = structured(text)
    if fields is None:
        plain = COLOURS.sub("", text)
        return own | {"_msg": plain, "level": level_in(plain) or own["level"]}
    line: Line = dict(own)
    level = next((found for name in NAMES_OF_LEVEL if (found := level_of(fields.get(name)))), None)
    message = next((fields[name] for name in MESSAGES if isinstance(fields.get(name), str)), "")
    if "DownstreamStatus" in fields:  # the proxy's line of a request, which has no message
        status = fields["DownstreamStatus"]
        method, host, path = (
            fields.get(name, "-") for name in ("RequestMethod", "RequestHost", "RequestPath")
        )
        message = f"{method} {host}{path} {status}"
        level = "error" if isinstance(status, int) and status >= 500 else "info"
    request = next((fields[name] for name in REQUESTS if fields.get(name)), None)
    line |= {
        "_msg": message or text,
        "level": level or ("info" if own["source"] == "container" else own["level"]),
    }
    if request is not None:
        line["request_id"] = str(request)
    for name, value in fields.items():
        if value in (None, "") or (name in MESSAGES and value == message):
            continue
        if (name in NAMES_OF_LEVEL and level_of(value)) or (name == "request_id" and value == request):
            continue
        # What a program calls as we do is its own, and found beside ours.
        line[f"app.{name}" if name in line or name.startswith("_") else name] = value
    return line


def service_of_unit(entry: Entry) -> tuple[str, str]:
    """What of the machine says it, in few words for many units, and the unit."""
    if entry.get("_TRANSPORT") == "kernel":
        return "kernel", ""
    unit = text_of(entry.get("UNIT") or entry.get("_SYSTEMD_UNIT"))  # PID 1 speaks of another's
    if unit.endswith(".service") and not unit.startswith("user@"):
        return unit.removesuffix(".service").partition("@")[0], unit
    return text_of(entry.get("SYSLOG_IDENTIFIER")) or "machine", unit


# --- the programs of the machine -----------------------------------------------------------------------


def docker(*words: str) -> str:
    """What Docker answers.

    Raises:
        AwayError: it does not, or not with what was asked for.
    """
    try:
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AwayError(f"docker {words[0]}: {error}") from None
    if done.returncode:
        raise AwayError(f"docker {words[0]}: {done.stderr.strip()}")
    return done.stdout


class Releases:
    """Which release an image is: the digest under which its registry has it."""

    def __init__(self, ask: Callable[..., str] = docker) -> None:
        self._ask = ask
        self._found: dict[str, dict[str, str]] = {}
        self._failed: dict[str, float] = {}

    def of(self, image: str) -> dict[str, str]:
        """`release` and `image`; what no registry had, or is gone, has its id for a digest."""
        if image in self._found:
            return self._found[image]
        if time.monotonic() < self._failed.get(image, 0):
            return {"release": image}
        try:
            digests = self._ask("image", "inspect", "--format", '{{join .RepoDigests " "}}', image).split()
        except AwayError:
            self._failed[image] = time.monotonic() + FORGET_SECONDS
            return {"release": image}
        name, _, digest = digests[0].partition("@") if digests else ("", "", image)
        self._found[image] = {"release": digest, **({"image": name} if name else {})}
        return self._found[image]


class Journal:
    """journalctl, from an entry on, which comes again as the first one; from the beginning without.

    --follow is of the current boot alone but with --merge (src/journal/journalctl.c of systemd, arg_boot;
    252 takes no --boot=all beside it).
    """

    def __init__(self, cursor: str | None) -> None:
        self._process = subprocess.Popen(
            [
                *("journalctl", "--follow", "--merge", "--no-tail", "--quiet", "--all", "--output=json"),
                f"--output-fields={','.join(ENTRY)}",
                *((f"--cursor={cursor}",) if cursor else ()),
            ],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        self._rest = b""

    def read(self, seconds: float) -> list[bytes]:
        """What has come, after so many seconds at most.

        Raises:
            EndedError: it has ended.
        """
        if not select.select([self._output], [], [], seconds)[0]:
            return []
        chunk = os.read(self._output, 256 * 1024)
        if not chunk:
            raise EndedError(f"journalctl ended with {self._process.wait()}")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return lines

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]


class Store:
    """VictoriaLogs, in a container whose address Docker knows."""

    def __init__(self, container: str, port: int, ask: Callable[..., str] = docker) -> None:
        self._container, self._port, self._ask = container, port, ask
        self._line: http.client.HTTPConnection | None = None
        self._began = ""

    def reach(self) -> None:
        """Looks whether it is well.

        Raises:
            AwayError: it is not.
        """
        self._forget()
        self._began = ""
        status, answer = self._request("GET", "/health")
        if status != http.HTTPStatus.OK:
            raise AwayError(f"it answers {status} {answer[:200].decode('utf-8', 'replace')}")

    def known(self, host: str, after: Position, *, inclusive: bool) -> set[int]:
        """The numbers of the entries of `host` that it has of those after one, or from it on."""
        self._request("GET", "/internal/force_flush")
        begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(after.micros / 1e6 - SLACK_SECONDS))
        query = f"{{host={json.dumps(host)}}} _time:>={begin} seq:>{after.number - inclusive} | fields seq"
        body = urllib.parse.urlencode({"query": query}).encode()
        status, answer = self._request(
            "POST", "/select/logsql/query", body, "application/x-www-form-urlencoded"
        )
        if status != http.HTTPStatus.OK:
            raise AwayError(f"it answers {status} when it is asked what it has")
        return {int(json.loads(line)["seq"]) for line in answer.splitlines() if line}

    def insert(self, lines: list[bytes]) -> int:
        """Hands lines over; how many of them it refuses.

        Raises:
            AwayError: none was taken, or nobody knows.
        """
        status, answer = self._insert(b"\n".join(lines))
        if status < http.HTTPStatus.MULTIPLE_CHOICES:
            return 0
        if status == http.HTTPStatus.TOO_MANY_REQUESTS or status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
            raise AwayError(f"it answers {status} {answer[:200].decode('utf-8', 'replace')}")
        if len(lines) == 1:
            say(f"WARNING: the store refuses a line: {status} {answer[:200].decode('utf-8', 'replace')}")
            return 1
        middle = len(lines) // 2
        return self.insert(lines[:middle]) + self.insert(lines[middle:])

    def _insert(self, body: bytes) -> tuple[int, bytes]:
        return self._request(
            "POST", "/insert/jsonline?_stream_fields=host,service", body, "application/stream+json"
        )

    def _request(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        try:
            if self._line is None or self._line.sock is None or _is_closed(self._line.sock):
                self._connect()
            assert self._line is not None
            self._line.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = self._line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._forget()
            raise AwayError(f"{type(error).__name__}: {error}") from None

    def _connect(self) -> None:
        """A line to it. What began anew may have lost what was only in its memory."""
        self._forget()
        form = "{{.State.StartedAt}}{{range .NetworkSettings.Networks}} {{.IPAddress}}{{end}}"
        began, *addresses = self._ask("inspect", "--format", form, self._container).split()
        if not addresses:
            raise AwayError(f"the container {self._container} does not run")
        if self._began and began != self._began:
            raise AwayError(f"it was started anew at {began}")
        self._line = http.client.HTTPConnection(addresses[0], self._port, timeout=PATIENCE_SECONDS)
        self._line.connect()
        self._began = began

    def _forget(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None


def _is_closed(line: socket.socket) -> bool:
    """Whether the other side has ended a line on which nothing is awaited."""
    return bool(select.select([line], [], [], 0)[0])


# --- the work ------------------------------------------------------------------------------------------


@dataclass
class Part:
    """A line of which more is to come: Docker cuts at 16 KiB."""

    before: str | None
    """The cursor from which on it is read whole."""
    since: float
    entry: Entry
    texts: list[str] = field(default_factory=list)
    size: int = 0


class Joiner:
    """Makes lines of their parts."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._last: str | None = None

    def begin(self, cursor: str | None) -> None:
        """Forgets what was not joined; it is read again from there."""
        self._parts, self._last = {}, cursor

    def add(self, entry: Entry, text: str) -> str | None:
        """The whole line, where this is its end."""
        before, self._last = self._last, entry["__CURSOR"]
        name = text_of(entry.get("CONTAINER_PARTIAL_ID")) or text_of(entry.get("CONTAINER_ID"))
        more = entry.get("CONTAINER_PARTIAL_MESSAGE") == "true"
        if not more and name not in self._parts:
            return text
        part = self._parts.setdefault(name, Part(before, time.monotonic(), entry))
        part.texts.append(text)
        part.size += len(text)
        part.entry = entry
        if more and part.size < JOINED:
            return None
        return "".join(self._parts.pop(name).texts)

    def stale(self) -> Iterator[tuple[Entry, str]]:
        """What has waited for its end for too long."""
        now = time.monotonic()
        for name in [name for name, part in self._parts.items() if now - part.since > PART_SECONDS]:
            part = self._parts.pop(name)
            yield part.entry, "".join(part.texts)

    @property
    def safe(self) -> str | None:
        """From which cursor on everything is read that was not handed out."""
        return next((part.before for part in self._parts.values()), self._last)


@dataclass
class Kept:
    """What outlives the script: how far it is settled, and the counters."""

    NAMES = ("cursor", "inclusive", "shipped", "lost")
    file: Path
    cursor: str | None = None
    inclusive: bool = False
    """Whether the entry of the cursor is itself not settled: it is the first of all."""
    shipped: int = 0
    lost: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("journal", "rate", "store"), 0))

    @classmethod
    def read(cls, file: Path) -> "Kept":
        """Of the file; from the beginning where there is none, or none that can be read."""
        kept = cls(file)
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            Position.of(found["cursor"])
        except FileNotFoundError:
            return kept
        except (OSError, ValueError, KeyError, TypeError) as error:
            say(f"WARNING: {file}: {error!r}; the journal is read from its beginning")
            return kept
        kept.cursor, kept.inclusive = found["cursor"], bool(found.get("inclusive"))
        kept.shipped = int(found.get("shipped", 0))
        kept.lost |= {name: int(count) for name, count in found.get("lost", {}).items()}
        return kept

    def write(self) -> None:
        """Whole or not at all."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as output:
            json.dump({name: getattr(self, name) for name in self.NAMES}, output)
            output.flush()
            os.fsync(output.fileno())
        new.replace(self.file)


class Shipper:
    """Reads, hands over, and remembers how far."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._host = socket.gethostname()
        self._prefix, self._ours = arguments.prefix, arguments.ours
        container, _, port = arguments.store.rpartition(":")
        self._store, self._releases = Store(container, int(port)), Releases()
        self._metrics = Path(arguments.folder) / "logs.prom"
        self._kept = Kept.read(Path(arguments.state) / "position.json")
        self._joiner = Joiner()
        self._newest: Position | None = Position.of(self._kept.cursor) if self._kept.cursor else None
        self._batch: list[bytes] = []
        self._bytes = 0
        self._since = 0.0
        self._settled: tuple[str, int] | None = None
        """The entry that the journal is read from, which comes again."""
        self._settling: deque[tuple[float, str]] = deque()
        self._saved = self._told = 0.0
        self._reached = False
        self._complained = ""
        self._sent_up_to = time.time()
        """The moment of the newest line that was handed over, or at which there was none left."""
        self._stopping = False

    def stop(self, *_: object) -> None:
        """After what was read has been handed over."""
        self._stopping = True

    def run(self) -> None:
        """Until it is stopped."""
        tries = 0
        while not self._stopping:
            try:
                self._store.reach()
                known: set[int] = set()
                if self._kept.cursor:
                    known = self._store.known(
                        self._host, Position.of(self._kept.cursor), inclusive=self._kept.inclusive
                    )
                self._is_reached()
                tries = 0
                self._ship(known)
            except AwayError as reason:
                self._is_away(str(reason))
                self._wait(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1
            except EndedError as reason:
                if not self._stopping:  # systemd ends both
                    say(f"WARNING: {reason}; it is started again")
                    self._wait(PAUSES[0])
        self._settle()
        if self._kept.cursor:
            self._kept.write()
        self._tell()

    def _ship(self, known: set[int]) -> None:
        self._batch, self._bytes = [], 0
        self._settling.clear()
        begin = Position.of(self._kept.cursor) if self._kept.cursor and not self._kept.inclusive else None
        self._joiner.begin(begin.cursor if begin else None)
        self._settled = (begin.sequence, begin.number) if begin else None
        with closing(Journal(self._kept.cursor)) as journal:
            while True:
                patience = self._since + BATCH_SECONDS - time.monotonic() if self._batch else BATCH_SECONDS
                raws = journal.read(max(0.0, patience))
                for raw in raws:
                    self._take(json.loads(raw), known)
                    if len(self._batch) >= BATCH_LINES or self._bytes >= BATCH_BYTES:
                        self._hand_over()
                for entry, text in self._joiner.stale():
                    self._add(entry, text)
                if self._batch and (self._stopping or time.monotonic() - self._since >= BATCH_SECONDS):
                    self._hand_over()
                if not raws and not self._batch:
                    self._sent_up_to = time.time()
                    if self._joiner.safe:
                        self._settling.append((time.monotonic(), self._joiner.safe))
                self._tick()
                if self._stopping:
                    return

    def _take(self, entry: Entry, known: set[int]) -> None:
        position = Position.of(entry["__CURSOR"])
        if self._settled and (position.sequence, position.number) == self._settled:
            return
        if self._kept.cursor is None:
            self._kept.cursor, self._kept.inclusive = position.cursor, True
            self._kept.write()
        self._count(position, entry)
        text = self._joiner.add(entry, text_of(entry.get("MESSAGE")))
        if text is None:
            return
        if position.number in known:
            known.discard(position.number)
            return
        self._add(entry, text)

    def _count(self, position: Position, entry: Entry) -> None:
        """What the journal does not have any more, or never had."""
        newest = self._newest
        if newest and (newest.sequence, newest.boot) == (position.sequence, position.boot):
            if position.number <= newest.number:
                return
            self._kept.lost["journal"] += position.number - newest.number - 1
        self._newest = position
        # journald's own line, of what its limit of rate has left out.
        if entry.get("N_DROPPED") and entry.get("_TRANSPORT") == "driver":
            self._kept.lost["rate"] += int(text_of(entry["N_DROPPED"]) or 0)

    def _add(self, entry: Entry, text: str) -> None:
        if not text.strip():
            return
        own = self._own(entry)
        if own is None:
            return
        if len(text) > CUT:
            lines = [
                own | {"_msg": text[begin : begin + CUT], "part": number}
                for number, begin in enumerate(range(0, len(text), CUT), 1)
            ]
        else:
            lines = [said(text, own)]
        for line in lines:
            body = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            if not self._batch:
                self._since = time.monotonic()
            self._batch.append(body)
            self._bytes += len(body)

    def _own(self, entry: Entry) -> Line | None:
        """What is known of a line beside what it says; None: it is none of ours, where others' stay out."""
        position = Position.of(entry["__CURSOR"])
        priority = text_of(entry.get("PRIORITY"))
        line: Line = {
            "_time": f"{entry['__REALTIME_TIMESTAMP']}000",
            "host": self._host,
            "seq": position.number,
            "level": PRIORITIES[int(priority)] if priority in set("01234567") else "info",
        }
        container, tag = text_of(entry.get("CONTAINER_NAME")), text_of(entry.get("CONTAINER_TAG"))
        if container:
            if self._ours and not tag.startswith(self._prefix):
                return None
            service = tag.removeprefix(self._prefix) if tag.startswith(self._prefix) else container
            line |= {"service": service, "source": "container", "container": container}
            line["container_id"] = text_of(entry.get("CONTAINER_ID"))
            if image := text_of(entry.get("IMAGE_NAME")):
                line |= self._releases.of(image)
            return line
        service, unit = service_of_unit(entry)
        if self._ours and not unit.startswith("jira-plus-plus"):
            return None
        line |= {"service": service, "source": "machine"}
        known = {"unit": unit, "identifier": text_of(entry.get("SYSLOG_IDENTIFIER"))}
        return line | {name: value for name, value in known.items() if value}

    def _hand_over(self) -> None:
        refused = self._store.insert(self._batch)
        self._kept.lost["store"] += refused
        self._kept.shipped += len(self._batch) - refused
        self._batch, self._bytes = [], 0
        if self._joiner.safe:
            self._settling.append((time.monotonic(), self._joiner.safe))
        if self._newest:
            self._sent_up_to = self._newest.micros / 1e6
        self._tick()

    # -- what is kept and told

    def _settle(self) -> None:
        settled = time.monotonic() - SETTLE_SECONDS
        while self._settling and self._settling[0][0] <= settled:
            self._kept.cursor, self._kept.inclusive = self._settling.popleft()[1], False

    def _tick(self) -> None:
        now = time.monotonic()
        before = self._kept.cursor
        self._settle()
        if self._kept.cursor != before and now - self._saved >= SAVE_SECONDS:
            self._kept.write()
            self._saved = now
        if now - self._told >= TELL_SECONDS:
            self._tell()
            self._told = now

    def _tell(self) -> None:
        samples = [
            ("jira_logs_shipped_lines_total", "", self._kept.shipped),
            *(("jira_logs_lost_lines_total", f'{{reason="{why}"}}', n) for why, n in self._kept.lost.items()),
            ("jira_logs_behind_seconds", "", round(max(0.0, time.time() - self._sent_up_to), 1)),
            ("jira_logs_store_reached", "", int(self._reached)),
            ("jira_logs_timestamp_seconds", "", int(time.time())),
        ]
        text, seen = [], ""
        for name, labels, value in samples:
            if name != seen:
                text.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}\n")
            text.append(f"{name}{labels} {value}\n")
            seen = name
        new = self._metrics.with_name(".logs.new")
        new.write_text("".join(text), encoding="utf-8")
        new.replace(self._metrics)

    def _is_reached(self) -> None:
        if not self._reached:
            say("the store is reached")
        self._reached, self._complained = True, ""

    def _is_away(self, reason: str) -> None:
        """Said once for each reason, and not for each try."""
        self._reached = False
        if reason != self._complained:
            say(f"WARNING: the store is away, and what is said waits in the journal: {reason}")
        self._complained = reason

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            self._tick()
            time.sleep(min(left, 0.5))


def main(words: list[str]) -> None:
    """Runs until SIGTERM."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--prefix", "--store", "--folder", "--state"):
        parser.add_argument(name, required=True)
    parser.add_argument("--ours", action="store_true")
    shipper = Shipper(parser.parse_args(words))
    signal.signal(signal.SIGTERM, shipper.stop)
    signal.signal(signal.SIGINT, shipper.stop)
    shipper.run()


if __name__ == "__main__":
    main(sys.argv[1:])
