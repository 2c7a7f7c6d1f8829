"""One stack of the program, driven through the Automation API: preview, up, destroy, drift."""

from __future__ import annotations

import json
import logging
import os
import textwrap
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pulumi.automation import (
    CommandError,
    ConcurrentUpdateError,
    ConfigValue,
    Stack,
    StackNotFoundError,
)

from operations import ssh_files
from operations.engine import command
from operations.failures import SERVER, Verdict, halfway, vanished, verdict
from operations.journal import Failure, Journal
from operations.orphans import Finder
from operations.program import program
from operations.recovery import context, default_finders, lift_lock, read_again, recover, remove_orphans
from operations.workspace import LeanStack, LeanWorkspace

Say = Callable[[str], None]
Result = TypeVar("Result")

PROJECT = "jira-plus-plus"
TRIES = 5
"""Of an up whose failure may pass; with the pauses below it outlasts a rate limit's minute."""
PAUSE_SECONDS = 5.0
"""Before the second try; it doubles with each further one."""


class DeploymentFailed(Exception):
    """A run failed for good. The message names each resource and its cause, without a traceback."""

    def __init__(self, message: str, journal: Journal) -> None:
        super().__init__(message)
        self.journal = journal


@dataclass
class Retry:
    """How patient an up is."""

    tries: int = TRIES
    pause_seconds: float = PAUSE_SECONDS
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Deployment:
    """A stack of the program in `project`, run by the engine `binary` with `environment`.

    `environment` adds to the process's own: the state backend, the passphrase, tokens, endpoints.
    """

    project: Path
    stack: str
    binary: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    events: Path | None = None
    """Folder for the event stream of each run, as JSON lines."""
    say: Say = print
    show: Say = print
    """Where the engine's own progress goes."""
    retry: Retry = field(default_factory=Retry)
    finders: Iterable[Finder] | None = None
    on_sold_out: Callable[[str, str], None] | None = None
    """Told the sold-out server type and the one that took its place."""
    settled: bool = False
    """Whether nothing can be cut off: the stack is new, or its last run is known to have ended by itself."""
    _opened: Stack | None = None

    def open(self) -> Stack:
        """The Automation API's stack, created if it does not exist."""
        if self._opened is None:
            # The Automation API's server would print a traceback for an engine that was killed.
            logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
            try:  # in this order: to find an existing one is one run of the engine, not two
                self._opened = LeanStack.select(self.stack, self._workspace)
            except StackNotFoundError:
                self._opened = LeanStack.create(self.stack, self._workspace)
                self.settled = True
        return self._opened

    @cached_property
    def _workspace(self) -> LeanWorkspace:
        return LeanWorkspace(
            work_dir=str(self.project),
            program=program(self.project, self.environment),
            pulumi_command=command(self.binary),
            env_vars={"PULUMI_SKIP_UPDATE_CHECK": "true", **crash_safe(self.environment)},
        )

    def preview(self, refresh: bool = False) -> Journal:
        """What an up would change; with `refresh`, also what changed behind Pulumi's back.

        Raises:
            DeploymentFailed: the preview failed; `journal` on it says what was seen.
        """
        return self._run("preview", lambda on: self.open().preview(refresh=refresh, **on))

    def up(self, replace: str | None = None) -> Journal:
        """Brings the stack up: settles a killed run, tries again what may pass, falls back when sold out.

        `replace` is the URN of a resource that is made anew, with what hangs on it.

        Raises:
            DeploymentFailed: it failed for good.
        """
        self._settle()
        born = self._id(replace)
        passing = 0
        while True:
            began = datetime.now(UTC)
            # Once the old one is gone, a further try goes on with the new one.
            wanted = [replace] if replace and self._id(replace) == born else None
            try:
                return self._try_up(wanted)
            except DeploymentFailed as failure:
                journal = failure.journal
                found = verdict(journal.errors)
                cleared = self._clear(journal, began)
                if found is Verdict.SOLD_OUT:
                    # One that runs stays as it is: each further type would switch it off for a try.
                    if not (any(i.type == SERVER for i in journal.failed) and self._fall_back()):
                        raise
                elif found is Verdict.TRANSIENT or cleared:
                    passing += 1
                    if passing >= self.retry.tries:
                        raise _given_up(passing, journal) from failure
                    self._pause(passing, journal.errors)
                else:
                    raise

    def replace_server(self) -> Journal:
        """Makes the server anew with the image of the settings, and all that runs on it.

        Its volume, its addresses and its keys stay.

        Raises:
            DeploymentFailed: there is none, it is protected, or the up failed for good.
        """
        servers = [resource for resource in self.resources() if resource["type"] == SERVER]
        if len(servers) != 1:
            raise DeploymentFailed(
                f"{self.stack} has {len(servers)} servers of the program's, and one can be replaced: "
                "bring the stack up first; one of kind existing is its owner's to replace",
                Journal(),
            )
        if servers[0].get("protect"):
            raise DeploymentFailed(_refusal_to_replace(self.stack), Journal())
        return self.up(replace=str(servers[0]["urn"]))

    def destroy(self) -> Journal:
        """Deletes every resource of the stack, or none: with a protected one it is refused before it begins.

        The engine itself would delete everything but what is protected, and fail only then. With the
        resources go the ssh files of the stack on this machine.

        Raises:
            DeploymentFailed: refused or failed.
        """
        resources = self.resources()
        if protected := _protected(resources):
            raise DeploymentFailed(_refusal(self.stack, protected), Journal())
        self._settle()
        passing = 0
        while True:
            try:
                journal = self._run("destroy", lambda on: self.open().destroy(**on))
            except DeploymentFailed as failure:
                journal = failure.journal
                passing += 1
                if verdict(journal.errors) is not Verdict.TRANSIENT or passing >= self.retry.tries:
                    raise
                self._pause(passing, journal.errors)
            else:
                ssh_files.forget(json.dumps(resources))
                return journal

    def protected(self) -> list[str]:
        """The names of the resources that Pulumi protects from deletion."""
        return _protected(self.resources())

    def resources(self) -> list[Mapping[str, Any]]:
        """The resources in the state, as the engine exports them; secrets stay encrypted."""
        return list(self.state().get("resources") or [])

    def state(self) -> Mapping[str, Any]:
        """The state as the engine exports it (`resources`, `pending_operations`, ...)."""
        return self.open().export_stack().deployment or {}

    def write_outputs(self, target: Path) -> None:
        """Writes all outputs as JSON, secret ones too, to a file that only its owner reads."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600)
        target.chmod(0o600)
        outputs = self._workspace.read_outputs(self.open().name)
        target.write_text(json.dumps({name: output.value for name, output in outputs.items()}))

    def _try_up(self, replace: list[str] | None) -> Journal:
        return self._run("up", lambda on: self.open().up(replace=replace, **on))

    def _id(self, urn: str | None) -> str | None:
        """The id of a resource in the state; None if it is not there, or none is asked for."""
        if urn is None:
            return None
        return next((resource.get("id") for resource in self.resources() if resource["urn"] == urn), None)

    def _run(self, kind: str, run: Callable[[dict[str, Any]], Result]) -> Journal:
        """One engine run, whose lock is lifted if it was left by a dead process."""
        for attempt in (1, 2):
            journal = Journal(file=self.events / f"{kind}.jsonl" if self.events else None)
            self.settled = False
            listening = {
                "on_event": journal.record,
                "on_output": self.show,
                "color": "never",
                "suppress_outputs": True,  # the closing table has them
            }
            try:
                run(listening)
            except ConcurrentUpdateError as error:
                if attempt == 2:
                    raise
                lift_lock(self.open(), str(error), self.say)
                self._settle()
            except CommandError as error:
                raise DeploymentFailed(_explain(kind, journal, error), journal) from None
            else:
                self.settled = True
                return journal
            finally:
                journal.close()
        raise AssertionError("unreachable")

    def _settle(self) -> None:
        stack = self.open()
        if not self.settled:
            recover(stack, self._finders(), self.say)

    def _clear(self, journal: Journal, since: datetime) -> int:
        """Takes away what a failed run has left on one side only, the cloud's or the state's; how much."""
        doubtful = {*vanished(journal.errors), *halfway(journal.errors)}
        if not (journal.failed or doubtful):
            return 0
        state = self.state()
        # Created without learning its id, as when a connection dropped.
        removed = remove_orphans(journal.failed, context(state, since), self._finders(), self.say)
        return removed + self._forget_vanished(doubtful, state)

    def _forget_vanished(self, doubtful: set[str], state: Mapping[str, Any]) -> int:
        """Reads again what failed halfway, and drops what is in the state but no longer in the cloud.

        A server whose creation failed after its id was known is such: the next up would try to change it.
        """
        before = {resource["urn"] for resource in state.get("resources") or []}
        if not doubtful & before:
            return 0
        read_again(self.open(), sorted(doubtful & before), self.say)
        gone = before - {resource["urn"] for resource in self.resources()}
        for urn in sorted(gone):
            self.say(f"  {urn.rsplit('::', 1)[-1]} is in the state but not in the cloud; it is made again")
        return len(gone)

    def _finders(self) -> Iterable[Finder]:
        return self.finders if self.finders is not None else default_finders(self.environment)

    def _fall_back(self) -> bool:
        """Writes the next server type of `host.server_type_fallbacks` into the stack's file."""
        host = json.loads(self.open().get_config(f"{PROJECT}:host").value)
        current, fallbacks = host.get("server_type"), host.get("server_type_fallbacks") or []
        following = fallbacks[fallbacks.index(current) + 1 :] if current in fallbacks else fallbacks
        if not following:
            return False
        self.say(f"server type {current} is sold out; trying {following[0]}")
        self.open().set_config(f"{PROJECT}:host.server_type", ConfigValue(following[0]), path=True)
        if self.on_sold_out:
            self.on_sold_out(str(current), str(following[0]))
        return True

    def _pause(self, passing: int, errors: Sequence[Failure]) -> None:
        seconds = self.retry.pause_seconds * 2 ** (passing - 1)
        cause = next((error for error in errors if error.of_resource), None)
        reason = f" ({cause.name}: {_cause(cause.message)})" if cause else ""
        self.say(f"this may pass{reason}; try {passing + 1} of {self.retry.tries} in {seconds:.0f} s")
        self.retry.sleep(seconds)


def crash_safe(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with a state folder that survives a killed engine.

    Beside each file of a `file://` backend the engine writes its attributes, which it never needs, to a file
    of their own, and not atomically: one that is left empty makes the state unreadable ("failed to load
    checkpoint: EOF"). `metadata=skip` leaves it out (pkg.go.dev/gocloud.dev/blob/fileblob).
    """
    url = environment.get("PULUMI_BACKEND_URL") or os.environ.get("PULUMI_BACKEND_URL") or ""
    if not url.startswith("file://") or "metadata=" in url:
        return dict(environment)
    return {**environment, "PULUMI_BACKEND_URL": f"{url}{'&' if '?' in url else '?'}metadata=skip"}


def _explain(kind: str, journal: Journal, error: CommandError) -> str:
    causes = [failure for failure in journal.errors if failure.of_resource] or journal.errors
    if not causes:
        return f"{kind} failed: {str(error).strip()}"
    lines = [f"{f'{failure.name}: ' if failure.of_resource else ''}{failure.message}" for failure in causes]
    return "\n".join([f"{kind} failed:", *(textwrap.indent(line, "  ") for line in lines)])


def _given_up(tries: int, journal: Journal) -> DeploymentFailed:
    cause = next((failure for failure in journal.errors if failure.of_resource), journal.errors[0])
    return DeploymentFailed(
        f"gave up after {tries} tries: {cause.name}: {_cause(cause.message)}. "
        "What exists is in the state; run the same again when the provider has recovered.",
        journal,
    )


def _protected(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    return [resource["urn"].rsplit("::", 1)[-1] for resource in resources if resource.get("protect")]


def _refusal(stack: str, protected: list[str]) -> str:
    return (
        f"destroy of {stack} is refused: Pulumi protects {', '.join(sorted(protected))}. "
        "Nothing was deleted. They hold what must outlive a mistake; to part with them for good, set "
        f"host.protected and host.volume.protected to false in Pulumi.{stack}.yaml, deploy that, "
        "and destroy then."
    )


def _refusal_to_replace(stack: str) -> str:
    return (
        f"replacing the server of {stack} is refused: Pulumi and Hetzner protect it. Nothing was changed. "
        f"Set host.protected to false in Pulumi.{stack}.yaml (host.volume.protected stays true: the data), "
        "deploy that, replace the server, then set it back to true and deploy."
    )


def _cause(text: str) -> str:
    """The innermost line of a provider's nested "1 error occurred: * …"."""
    lines = [line.strip().removeprefix("* ") for line in text.splitlines() if line.strip()]
    return next((line for line in lines if not line.endswith("occurred:")), text.strip())
