"""Requests at a steady rate from a process on loopback (`bench/load`), and what became of them."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from operations import golang
from operations.cache import cache_folder

MODULE = Path(__file__).parent / "load"
STEADY = ("keep-alive", "new", "http2")
"""The kinds that come at the rate; of the others one is always under way, and takes seconds by its nature."""
LONG = ("slow", "upload", "subscription")
END_SECONDS = 30
"""More than the program gives to what is under way."""


@dataclass(frozen=True)
class Request:
    """One that was sent."""

    kind: str
    number: int
    sent: float
    """When it was due, in seconds since 1970."""
    seconds: float
    """From then until its answer, or until it was lost."""
    status: int
    """Of HTTP; 0 where there was none."""
    error: str
    """Why it is lost; empty where the right answer came."""

    @property
    def lost(self) -> bool:
        """Whether anything else than the right answer came, or nothing in time."""
        return bool(self.error)

    @property
    def when(self) -> float:
        """The moment that it counts for: when it was due, and of what takes long when it was over."""
        return self.sent + (self.seconds if self.kind in LONG else 0)

    @property
    def agent(self) -> str:
        """Its user agent, by which a proxy's log has it."""
        return f"bench/{self.kind}/{self.number}"


class Seen:
    """What many requests saw, added as they come; times are in seconds, and of the steady kinds alone."""

    def __init__(self) -> None:
        self.sent = 0
        self.reasons: Counter[str] = Counter()
        """How many were lost for each reason."""
        self.answered: Counter[int] = Counter()
        self.lost_at: Counter[int] = Counter()
        """How many were answered, and lost, in each second of the load."""
        self._taken = array("d")

    def add(self, requests: Iterable[Request], began: float, before: float = 0.0) -> None:
        """Counts them. The load began at `began`, after so many seconds of loads `before` it."""
        for request in requests:
            self.sent += 1
            second = max(int(request.when - began + before), 0)
            if request.lost:
                self.reasons[request.error] += 1
                self.lost_at[second] += 1
                continue
            self.answered[second] += 1
            if request.kind in STEADY:
                self._taken.append(request.seconds)

    @property
    def lost(self) -> int:
        """How many were."""
        return self.reasons.total()

    @property
    def slowest(self) -> float:
        """Of those that were answered."""
        return max(self._taken, default=0.0)

    def within(self, share: float) -> float:
        """In which so many of those that were answered were so: the nearest rank."""
        ranked = sorted(self._taken)
        return ranked[max(math.ceil(len(ranked) * share), 1) - 1] if ranked else 0.0


class Load:
    """Requests to one address while it runs; `taken` hands out those of which something is known, once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0

    def taken(self) -> list[Request]:
        """Those that were answered or lost since the last call."""
        if not self._file.exists():
            return []
        with self._file.open("rb") as handle:
            handle.seek(self._read)
            new = handle.read()
        whole = new[: new.rfind(b"\n") + 1]  # the last line may be half written
        self._read += len(whole)
        return list(requests(whole.decode().splitlines()))


def requests(lines: Sequence[str]) -> Iterator[Request]:
    """Those of the lines that the program writes."""
    for line in lines:
        yield Request(*json.loads(line))


@contextmanager
def load(url: str, host: str, rate: int, file: Path) -> Iterator[Load]:
    """So many requests a second to `url`, by the name `host`, until the end; `file` has them all then.

    Raises:
        GoMissing, BuildFailed: see `operations.golang.build`.
    """
    words = [str(program()), "-url", url, "-host", host, "-rate", str(rate), "-out", str(file)]
    # It ends with its standard input, so also when this process is killed.
    process = subprocess.Popen(words, stdin=subprocess.PIPE)
    try:
        yield Load(file)
    finally:
        try:
            process.communicate(timeout=END_SECONDS)
        finally:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"{words[0]} ended with {process.returncode}; it writes {file}")


def program(say: golang.Say = print) -> Path:
    """The program that sends them, from the cache or compiled now, in seconds.

    Raises:
        GoMissing, BuildFailed: see `operations.golang.build`.
    """
    text = b"".join(path.read_bytes() for path in sorted(MODULE.iterdir()))
    binary = cache_folder() / "bench-load" / hashlib.sha256(text).hexdigest()[:16] / "load"
    if not binary.exists():
        golang.build("load", MODULE, ".", binary, "", say, niceness=golang.NICENESS)
    return binary
