"""The files of recorded Docker hosts: what exists on each, and what happened in which order.

Below the folder `docker/` of the rehearsal's state:
    <host>/{containers,networks,images,volumes}/<id>.json   bodies as in the Docker API
    events.jsonl   one event a line: at, host, event, kind, id, name, of a container its image …
    faults.json    what goes wrong on purpose (`faults.py`)
"""

from __future__ import annotations

import datetime
import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rehearsal.plugins.docker.engine import Body


def host_name(host: str) -> str:
    """The folder's name for a provider's `host`: the address of an ssh or TCP host, `local` for a socket."""
    return urlsplit(host).hostname or "local"


def drop_host(state: Path, host: str) -> None:
    """Forget everything on a host: its machine is gone, or a new one has its address.

    `state` is the folder of the rehearsal's state, `host` the address that the provider dials.
    """
    records = Records(state / "docker", host)
    if records.path.is_dir():
        with records.locked():
            shutil.rmtree(records.path)
            records.event("drop", "hosts", {"Name": host})


class Records:
    """The files of one host. Several processes may use them at once, each under `locked`."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.path = folder / host
        self._host = host

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes and threads out."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def all(self, kind: str) -> list[Body]:
        """Everything of a kind."""
        paths = sorted((self.path / kind).glob("*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def write(self, kind: str, record: Body) -> None:
        """Put a record in the place of the one with its id; a reader sees the old one or the new one."""
        path = self._file(kind, record)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
        part.replace(path)

    def remove(self, kind: str, record: Body) -> None:
        """Take a record away."""
        self._file(kind, record).unlink()
        self.event("remove", kind, record)

    def event(self, event: str, kind: str, record: Body, **more: Any) -> None:
        """Append to the events of all hosts."""
        line = {
            "at": now(),
            "host": self._host,
            "event": event,
            "kind": kind,
            "id": record.get("Id", "").removeprefix("sha256:")[:12],
            "name": record.get("Name", "").lstrip("/"),
            **({"image": record["Image"]} if "Image" in record else {}),
            **more,
        }
        with (self.folder / "events.jsonl").open("a", encoding="utf-8") as events:
            events.write(json.dumps(line) + "\n")

    def _file(self, kind: str, record: Body) -> Path:
        return self.path / kind / f"{record['Id'].removeprefix('sha256:')}.json"


def now() -> str:
    """This moment, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def seconds_since(moment: str) -> float:
    """How long ago a moment of `now` was."""
    return (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(moment)).total_seconds()
