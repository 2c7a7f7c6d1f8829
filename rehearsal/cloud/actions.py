"""Actions: what takes time. Each runs in a thread of its own, and goes on where it was after a restart."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rehearsal.cloud.backend import Backend
from rehearsal.cloud.errors import HetznerError
from rehearsal.cloud.messages import Request
from rehearsal.cloud.records import Record, now
from rehearsal.machines import MachineError

RUNNING = "running_action"
FINISHED = "finished_action"
# These neither lock what they touch nor wait for a lock: they change a note, not a machine's disk or power.
UNLOCKED = frozenset({"change_protection", "apply_firewall", "remove_firewall", "set_firewall_rules"})


def _nothing(_backend: Backend, _args: Record) -> None:
    return None


@dataclass(frozen=True)
class Effect:
    """What an action does once its time has come.

    `work` calls machines, outside any lock, and may be repeated after a crash; `done` changes the state when
    work has succeeded, `failed` puts it back when it has not.
    """

    work: Callable[[Backend, Record], None] = _nothing
    done: Callable[[Backend, Record], None] = _nothing
    failed: Callable[[Backend, Record], None] = _nothing


EFFECTS: dict[str, Effect] = {}
"""By the action's command; the files of the nouns fill it."""


class Actions:
    """Starts actions, runs them, knows how they are."""

    def __init__(self, backend: Backend, seconds: float) -> None:
        """`seconds` is an action's least duration; 0 ends those of recorded machines within the request."""
        self._backend = backend
        self.seconds = seconds
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._busy_guard = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def start(
        self,
        request: Request,
        command: str,
        resources: Sequence[tuple[str, int]],
        args: Record,
        *,
        after: Iterable[Record] = (),
    ) -> Record:
        """Begins an action within the caller's transaction; it runs once that is committed.

        Args:
            request: the one that asks, by which faults are matched.
            command: Hetzner's word, `create_server`, which also names the effect.
            resources: type and id of what the action is about.
            args: what the effect needs; `server`, else `volume`, is what nobody else touches meanwhile.
            after: actions that must have succeeded before.
        """
        slow = self._backend.faults.take("slow_action", request.method, request.path, command=command)
        broken = self._backend.faults.take("failed_action", request.method, request.path, command=command)
        record = {
            "id": self._backend.store.next_id(),
            "command": command,
            "status": "running",
            "started": now(),
            "finished": None,
            "error": None,
            "resources": [{"id": key, "type": kind} for kind, key in resources],
            "args": args,
            "after": [action["id"] for action in after],
            "seconds": slow.seconds if slow and slow.seconds is not None else self.seconds,
            "began": time.time(),
            "fault": {
                "code": str(broken.code or "action_failed"),
                "message": broken.message or "Action failed",
            }
            if broken
            else None,
        }
        self._backend.store.put(RUNNING, record)
        self._backend.store.after_commit(lambda: self._launch(record))
        return record

    def get(self, key: int | str) -> Record | None:
        """An action by id."""
        return self._backend.store.get(FINISHED, key) or self._backend.store.get(RUNNING, key)

    def running(self, kind: str, key: int) -> list[Record]:
        """The running actions about one resource."""
        return [
            action
            for action in self._backend.store.all(RUNNING)
            if {"id": key, "type": kind} in action["resources"]
        ]

    def locked(self, kind: str, key: int) -> bool:
        """Whether a running action keeps others from a resource."""
        return any(action["command"] not in UNLOCKED for action in self.running(kind, key))

    def require_unlocked(self, kind: str, key: int) -> None:
        """Refuses while another action runs on a resource.

        Raises:
            HetznerError: locked.
        """
        if self.locked(kind, key):
            raise HetznerError("locked", f"{kind} is locked")

    def about(self, kind: str, key: int | None = None) -> list[Record]:
        """All actions about resources of a kind, or about one of them."""
        return [
            action
            for action in [*self._backend.store.all(FINISHED), *self._backend.store.all(RUNNING)]
            if any(ref["type"] == kind and key in (None, ref["id"]) for ref in action["resources"])
        ]

    def resume(self) -> None:
        """Goes on with what was running when the process ended."""
        for record in self._backend.store.all(RUNNING):
            self._launch(record)

    def stop(self) -> None:
        """Lets threads end; what they had to do is done, or done again, after the next start."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in [*self._threads]:
            # One that is busy with a machine is not waited for: it writes nothing any more.
            thread.join(2)

    def _launch(self, record: Record) -> None:
        instant = record["seconds"] == 0 and not self._backend.machines.boots
        if instant and not self._waits_for(record):
            self._run(record)
        else:
            thread = threading.Thread(
                target=self._thread, args=(record,), daemon=True, name=record["command"]
            )
            self._threads.add(thread)
            thread.start()

    def _waits_for(self, record: Record) -> list[int]:
        return [key for key in record["after"] if self._backend.store.get(FINISHED, key) is None]

    def _thread(self, record: Record) -> None:
        try:
            self._run(record)
        finally:
            self._threads.discard(threading.current_thread())

    def _run(self, record: Record) -> None:
        with self._changed:
            while self._waits_for(record) and not self._stopping.is_set():
                self._changed.wait(1)
        begin = record["began"] if not record["after"] else time.time()
        if self._stopping.wait(max(0.0, begin + record["seconds"] - time.time())):
            return
        error = self._attempt(record)
        if self._stopping.is_set():
            return
        effect = EFFECTS[record["command"]]
        with self._backend.store.transaction():
            (effect.failed if error else effect.done)(self._backend, record["args"])
            record.update(status="error" if error else "success", finished=now(), error=error)
            self._backend.store.delete(RUNNING, record["id"])
            self._backend.store.put(FINISHED, record)
        with self._changed:
            self._changed.notify_all()

    def _attempt(self, record: Record) -> Record | None:
        """Does the work; what went wrong, or None."""
        for key in record["after"]:
            before = self._backend.store.get(FINISHED, key)
            if before and before["status"] == "error":
                return {"code": "action_failed", "message": f"{before['command']} failed before it"}
        if record["fault"]:
            fault: Record = record["fault"]
            return fault
        args = record["args"]
        place = f"server {args['server']}" if args.get("server") else f"volume {args.get('volume')}"
        with self._busy_guard:
            lock = self._busy[place]
        try:
            with lock:
                EFFECTS[record["command"]].work(self._backend, args)
        except MachineError as error:
            return {"code": "action_failed", "message": str(error)}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return {"code": "action_failed", "message": f"{type(error).__name__}: {error}"}
        return None
