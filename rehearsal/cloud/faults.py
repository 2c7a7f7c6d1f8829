"""What goes wrong on purpose: `faults.json` in the state folder, also reachable as `/_rehearsal/faults`.

The file is a list of objects; it is read again whenever it changes, and a fault that has struck `count` times
leaves it.

    {"kind": "status", "method": "POST", "path": "/v1/servers$", "status": 503, "code": "unavailable"}
    {"kind": "status", "status": 429, "retry_after": 1}
    {"kind": "sold_out", "server_type": "cx23", "location": "fsn1", "count": null}
    {"kind": "slow_action", "command": "create_server", "seconds": 30}
    {"kind": "failed_action", "command": "attach_volume", "message": "no space"}
    {"kind": "starts_again", "count": null}
    {"kind": "dropped_connection", "method": "POST", "path": "/dns_records$", "when": "after"}
    {"kind": "latency", "seconds": 0.5, "count": 10}

`starts_again` is no fault but the other way that Hetzner has: a server whose type was changed is switched on
again by itself (as the API's reference says), where it stays off otherwise (as its users have seen).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from rehearsal.cloud.records import Record

Kind = Literal[
    "status", "sold_out", "slow_action", "failed_action", "starts_again", "dropped_connection", "latency"
]

NEEDS: dict[Kind, tuple[str, ...]] = {
    "status": ("status",),
    "sold_out": ("server_type",),
    "slow_action": ("seconds",),
    "failed_action": (),
    "starts_again": (),
    "dropped_connection": (),
    "latency": ("seconds",),
}
ALLOWS: dict[Kind, tuple[str, ...]] = {
    "status": ("status", "code", "message", "retry_after"),
    "sold_out": ("server_type", "location"),
    "slow_action": ("seconds", "command"),
    "failed_action": ("command", "code", "message"),
    "starts_again": (),
    "dropped_connection": ("when",),
    "latency": ("seconds",),
}


class FaultError(ValueError):
    """A fault that cannot be understood; the text names the place, the value and what would do."""


@dataclass
class Fault:
    """One thing that goes wrong.

    `method` and `path` are regular expressions that are searched in the request's method and in its path
    without the query; the default matches all. `command` is one for an action's command. `count` is how often
    it strikes before it is over; None means until it is removed. `seconds` and `retry_after` are in seconds.
    """

    kind: Kind
    method: str = ""
    path: str = ""
    count: int | None = 1
    status: int | None = None
    code: str | int | None = None
    message: str | None = None
    retry_after: float | None = None
    server_type: str | None = None
    location: str | None = None
    command: str | None = None
    seconds: float | None = None
    when: Literal["before", "after"] = "before"
    id: str = field(default_factory=lambda: secrets.token_hex(4))

    def matches(self, method: str, path: str) -> bool:
        """Whether it may strike this request."""
        return bool(re.search(self.method, method) and re.search(self.path, path))


def parse(value: Any, where: str) -> Fault:
    """Reads one fault.

    Raises:
        FaultError: an unknown or missing key, a value of the wrong type, a broken regular expression.
    """
    if not isinstance(value, dict):
        raise FaultError(f"{where}: {value!r} is not an object")
    kind: Any = value.get("kind")
    if kind not in get_args(Kind):
        raise FaultError(f"{where}.kind: {kind!r} is none of {', '.join(get_args(Kind))}")
    allowed = {"kind", "method", "path", "count", "id", *ALLOWS[kind]}
    for key in value:
        if key not in allowed:
            raise FaultError(f"{where}.{key}: a {kind} fault has only {', '.join(sorted(allowed))}")
    for key in NEEDS[kind]:
        if value.get(key) is None:
            raise FaultError(f"{where}.{key}: a {kind} fault needs it")
    for key, types, what in (
        ("method", str, "a regular expression"),
        ("path", str, "a regular expression"),
        ("command", str, "a regular expression"),
        ("count", int, "a whole number, or null for ever"),
        ("status", int, "an HTTP status from 400 to 599"),
        ("seconds", (int, float), "a number of seconds"),
        ("retry_after", (int, float), "a number of seconds"),
        ("server_type", str, "the name of a server type"),
        ("location", str, "the name of a location"),
        ("message", str, "a text"),
        ("code", (str, int), "an error code of the API"),
    ):
        given = value.get(key)
        if given is not None and (not isinstance(given, types) or isinstance(given, bool)):
            raise FaultError(f"{where}.{key}: {given!r} is not {what}")
        if given is not None and what == "a regular expression":
            try:
                re.compile(str(given))
            except re.error as error:
                raise FaultError(f"{where}.{key}: {given!r} is not a regular expression: {error}") from None
    if value.get("status") is not None and not 400 <= value["status"] <= 599:
        raise FaultError(f"{where}.status: {value['status']} is not an HTTP status from 400 to 599")
    if value.get("count") is not None and value["count"] < 1:
        raise FaultError(f"{where}.count: {value['count']} is not at least 1")
    if value.get("when", "before") not in ("before", "after"):
        raise FaultError(
            f"{where}.when: {value['when']!r} is neither before nor after (the effect took place)"
        )
    return Fault(**value)


def compact(fault: Fault) -> Record:
    """A fault as it is written: without what is merely the default."""
    defaults = {f.name: f.default for f in fields(Fault) if f.default is not MISSING}
    return {
        key: value
        for key, value in asdict(fault).items()
        if key in ("kind", "id", "count") or value != defaults.get(key)
    }


class Faults:
    """The faults that are still to strike; the file is the one truth, so they survive a restart."""

    def __init__(self, folder: Path) -> None:
        """`folder` exists.

        Raises:
            FaultError: `faults.json` is there and cannot be understood.
        """
        self.path = folder / "faults.json"
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._faults: list[Fault] = []
        self._load()

    def take(
        self,
        kind: Kind,
        method: str,
        path: str,
        *,
        command: str | None = None,
        server_type: str | None = None,
        location: str | None = None,
        when: str | None = None,
    ) -> Fault | None:
        """The first fault of `kind` that strikes here, counted; None if all goes well."""
        with self._lock:
            self._load()
            for fault in self._faults:
                if (
                    fault.kind == kind
                    and fault.matches(method, path)
                    and (fault.command is None or re.search(fault.command, command or ""))
                    and fault.server_type in (None, server_type)
                    and fault.location in (None, location)
                    and when in (None, fault.when)
                ):
                    if fault.count is not None:
                        fault.count -= 1
                        self._save([f for f in self._faults if f.count != 0])
                    return fault
        return None

    def sold_out(self, server_type: str, location: str) -> bool:
        """Whether a server type is to be sold out there; asking does not count."""
        with self._lock:
            self._load()
            return any(
                f.kind == "sold_out" and f.server_type == server_type and f.location in (None, location)
                for f in self._faults
            )

    def list(self) -> list[Fault]:
        """All that are still to strike."""
        with self._lock:
            self._load()
            return [*self._faults]

    def add(self, faults: Sequence[Fault]) -> None:
        """Appends faults."""
        with self._lock:
            self._load()
            self._save([*self._faults, *faults])

    def remove(self, key: str | None = None) -> bool:
        """Removes one fault by id, or all; False if there is no such fault."""
        with self._lock:
            self._load()
            left = [f for f in self._faults if key is not None and f.id != key]
            found = key is None or len(left) < len(self._faults)
            self._save(left)
        return found

    def _load(self) -> None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._seen, self._faults = None, []
            return
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen == self._seen:
            return
        try:
            value = json.loads(self.path.read_text())
        except ValueError as error:
            raise FaultError(
                f"{self.path}: not JSON ({error}); write a list of faults, or delete the file"
            ) from None
        if not isinstance(value, list):
            raise FaultError(f"{self.path}: {type(value).__name__} is not a list of faults")
        self._faults = [parse(item, f"{self.path}[{index}]") for index, item in enumerate(value)]
        self._seen = seen

    def _save(self, faults: Sequence[Fault]) -> None:
        new = self.path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps([compact(f) for f in faults], indent=1) + "\n")
        new.replace(self.path)
        stat = self.path.stat()
        self._faults = [*faults]
        self._seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
