"""One stack of the program, driven through the Automation API: preview, up, destroy, drift."""

from __future__ import annotations

import json
import logging
import os
import re
import textwrap
import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml
from hcloud import HCloudException
from pulumi.automation import (
    CommandError,
    ConcurrentUpdateError,
    Stack,
    StackNotFoundError,
)
from pulumi.automation import Deployment as Exported

from components.host.variables import ANEW, REFUSED
from operations import access, backend, ssh_files
from operations.again import Again
from operations.engine import command
from operations.failures import SERVER, Verdict, halfway, hint, vanished, verdict
from operations.journal import Failure, Intent, Journal
from operations.locks import lift_lock
from operations.orphans import Finder
from operations.program import program
from operations.reality import Hetzner, Sight, unreachable, without
from operations.recovery import context, default_finders, read_again, recover, remove_orphans
from operations.workspace import LeanStack, LeanWorkspace

Say = Callable[[str], None]
Result = TypeVar("Result")

PROJECT = "jira-plus-plus"
BUCKET = "cloudflare:index/r2Bucket:R2Bucket"
TRIES = 5
"""Of an up whose failure may pass; with the pauses below it outlasts a rate limit's minute."""
PAUSE_SECONDS = 5.0
"""Before the second try; it doubles with each further one."""
_REFRESH: dict[str, Any] = {"refresh": True, "run_program": True}
"""Each resource is read anew when its turn comes, with today's credentials and after what it depends on."""
_NOTHING_TO_READ = ("command:", "random:")
"""Types whose providers read nothing: a command that ran or a password is in the state alone."""
_UNREAD_TRIES = 2
"""Of a run that fails in reading alone: then it goes on without, as an outage is to stop no release."""
_READING = re.compile(r" ~  \S+ \S+ refresh(ing)?\b")


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
    knock: Callable[[str], bool] = access.knock
    """Whether the server at an address answers to ssh from here; a recorded one always does."""
    settled: bool = False
    """Whether nothing can be cut off: the stack is new, or its last run is known to have ended by itself."""
    _opened: Stack | None = None
    _told: dict[str, str] = field(default_factory=dict)
    """What only this run knows, as variables of the program's environment."""

    def open(self) -> Stack:
        """The Automation API's stack, created if it does not exist.

        Raises:
            DeploymentFailed: the place of its state does not answer, or does not let it in.
        """
        if self._opened is None:
            # The Automation API's server would print a traceback for an engine that was killed.
            logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
            try:  # in this order: to find an existing one is one run of the engine, not two
                self._opened = LeanStack.select(self.stack, self._workspace)
            except StackNotFoundError:
                self._opened = LeanStack.create(self.stack, self._workspace)
                self.settled = True
            except CommandError as error:
                raise self._unreadable(error) from None
        return self._opened

    @cached_property
    def _workspace(self) -> LeanWorkspace:
        return LeanWorkspace(
            work_dir=str(self.project),
            program=program(self.project, ChainMap(self._told, dict(self.environment))),
            pulumi_command=command(self.binary),
            env_vars={"PULUMI_SKIP_UPDATE_CHECK": "true", **backend.tuned(self.project, self.environment)},
        )

    def tell(self, variable: str, value: str) -> None:
        """Gives the program a variable of its environment, in the runs of this object."""
        self._told[variable] = value

    def preview(self) -> Journal:
        """What an up would change: of the settings, and of what was changed behind Pulumi's back.

        Raises:
            DeploymentFailed: the preview failed; `journal` on it says what was seen.
        """
        with self.way_in():
            return self._preview()

    def _preview(self) -> Journal:
        resources = self.resources()
        sight = self._look(resources)
        replace: list[str] = []
        reading: dict[str, Any] = {}  # where nobody is there who could be asked
        shut = None if sight.gone or sight.off else unreachable(resources, self.environment)
        if shut:
            self.say(f"{shut} does not answer by ssh from here: what was changed by hand is not looked at")
        elif not sight.off:
            replace, reading = [*sight.again(resources), *sight.lost(resources)], _REFRESH
        try:
            journal = self._try_preview(replace, reading)
        except DeploymentFailed as failure:
            # Of a preview the engine does not say what failed; but for reading anew it asks no cloud.
            if not reading or verdict(failure.journal.errors) is not Verdict.TRANSIENT:
                raise
            self.say(_unread(failure.journal))
            journal = self._try_preview(replace, {})
        journal.face(sight.words, {*sight.detached, *sight.lost(resources)})
        if not sight.gone and (unseen := journal.unseen):
            journal.face(sight.words, unseen)
            words = journal.put_back
            journal = self._try_preview([], {})
            journal.face(words, ())
            self.say("how Docker is reached changes: what was changed by hand in it is not looked at")
        for line in journal.put_back:
            self.say(f"a deploy puts back: {line}")
        return journal

    def up(self, replace: str | None = None) -> Journal:
        """Brings the stack up: settles a killed run, tries again what may pass, falls back when sold out.

        What was changed or deleted behind Pulumi's back is put back. `replace` is the URN of a resource that
        is made anew, with what hangs on it.

        Raises:
            DeploymentFailed: it failed for good.
        """
        with self.way_in(first=True):
            again, state = self._again, self._settle()
            sight = self._look(state.get("resources") or [])
            as_it_was = self._as_it_was(state, sight) if replace is None else None
            if again and as_it_was and not as_it_was.changes:
                return as_it_was
            again.begin()
            journal = self._up(state, sight, replace, {} if as_it_was else _REFRESH)
            again.end()
            return journal

    @property
    def _again(self) -> Again:
        return Again(self.project, self.stack, self.binary, self._surroundings)

    def _as_it_was(self, state: Mapping[str, Any], sight: Sight) -> Journal | None:
        """What a run would do where all is as the state has it; None where something strayed or was not read.

        An up that reads anew writes the whole state once for each resource, and a preview writes nothing: so
        the up reads where this finds something alone. Commands and passwords, which it leaves out, have
        nothing to read; what changes with them the up finds by itself.
        """
        resources = state.get("resources") or []
        # A change that failed halfway is in the state as if it had been made, with the errors beside it.
        doubtful = any(r.get("initErrors") for r in resources)
        if not resources or doubtful or sight.words:
            return None
        if unreachable(resources, self.environment):
            return None  # what lets ssh in may have to be put back first
        self.show("reading what is there, before anything is changed")
        unread = [str(r["urn"]) for r in resources if r["type"].startswith(_NOTHING_TO_READ)]
        try:
            journal = self._run(
                "up", lambda on: self.open().preview(**_REFRESH, exclude=unread, **on), quietly=True
            )
        except DeploymentFailed:
            return None  # the run will say why, and what may pass it tries again
        return None if journal.strayed else journal

    def _up(
        self, state: Mapping[str, Any], sight: Sight, replace: str | None, reading: Mapping[str, Any]
    ) -> Journal:
        self._forget_lost(state, sight)
        self._switch_on(sight)
        again = sight.again(state.get("resources") or [])
        born = self._id(replace)
        passing = 0
        while True:
            began = datetime.now(UTC)
            # Once the old one is gone, a further try goes on with the new one.
            wanted = [replace] if replace and self._id(replace) == born else []
            self._told[ANEW] = "1" if wanted else ""
            try:
                journal = self._try_up([*wanted, *again], reading)
            except DeploymentFailed as failure:
                journal = failure.journal
                found = verdict(journal.errors)
                cleared = 0 if journal.only_unread else self._clear(journal, began)
                reading = _REFRESH  # who failed halfway may have left it otherwise
                if found is Verdict.SOLD_OUT:
                    # One that runs stays as it is: each further type would switch it off for a try.
                    if not self._fall_back(journal.failed):
                        raise
                elif found is Verdict.TRANSIENT or cleared:
                    passing += 1
                    if passing >= self.retry.tries:
                        raise _given_up(passing, journal) from failure
                    if journal.only_unread and passing >= _UNREAD_TRIES:
                        self.say(_unread(journal))
                        reading = {}
                    else:
                        self._pause(passing, journal.errors)
                else:
                    raise
            else:
                journal.face(sight.words, sight.detached)
                for line in journal.put_back:
                    self.say(f"put back: {line}")
                return journal

    def replace_server(self) -> Journal:
        """Makes the server anew with the image of the settings, and all that runs on it.

        Its volume, its addresses and its keys stay.

        Raises:
            DeploymentFailed: there is none, it is protected, or the up failed for good.
        """
        resources = self.resources()
        if self._look(resources).gone:
            return self.up()
        servers = [resource for resource in resources if resource["type"] == SERVER]
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
        self._again.begin()
        journal = self._destroy()  # which needs no ssh: what is on the server goes with it
        ssh_files.forget(json.dumps(resources))
        for bucket in _kept(resources):
            self.say(f"the bucket {bucket} stays at Cloudflare, with all that is in it; an up takes it over")
        return journal

    def _destroy(self) -> Journal:
        state = self._settle()
        self._forget_lost(state, self._look(state.get("resources") or []))
        passing = 0
        while True:
            try:
                return self._run("destroy", lambda on: self.open().destroy(**on))
            except DeploymentFailed as failure:
                journal = failure.journal
                passing += 1
                gone = self._forget_vanished(set(vanished(journal.errors)), self.state())
                passes = gone or verdict(journal.errors) is Verdict.TRANSIENT
                if not passes or passing >= self.retry.tries:
                    raise
                if not gone:
                    self._pause(passing, journal.errors)

    def protected(self) -> list[str]:
        """The names of the resources that Pulumi protects from deletion."""
        return _protected(self.resources())

    def resources(self) -> list[Mapping[str, Any]]:
        """The resources in the state, as the engine exports them; secrets stay encrypted."""
        return list(self.state().get("resources") or [])

    def state(self) -> Mapping[str, Any]:
        """The state as the engine exports it (`resources`, `pending_operations`, ...)."""
        return self.open().export_stack().deployment or {}

    def peek(self) -> Mapping[str, Any]:
        """The same of a stack that is only looked at: it is not made by that. One run of the engine.

        Raises:
            DeploymentFailed: there is no such stack, or its state cannot be read.
        """
        try:
            return self._workspace.export_stack(self.stack).deployment or {}
        except CommandError as error:
            raise self._unreadable(error) from None

    def write_outputs(self, target: Path) -> None:
        """Writes all outputs as JSON, secret ones too, to a file that only its owner reads."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600)
        target.chmod(0o600)
        outputs = self._workspace.read_outputs(self.open().name)
        target.write_text(json.dumps({name: output.value for name, output in outputs.items()}))

    def _unreadable(self, error: CommandError) -> DeploymentFailed:
        message = f"the state of {self.stack} cannot be read: {_said(error)}"
        message += f"\n  {backend.remedy(self.project, self._surroundings)}"
        return DeploymentFailed(message, Journal(errors=[Failure("", message)]))

    def _try_preview(self, replace: list[str], reading: Mapping[str, Any]) -> Journal:
        return self._run("preview", lambda on: self.open().preview(replace=replace or None, **reading, **on))

    def _try_up(self, replace: list[str], reading: Mapping[str, Any]) -> Journal:
        return self._run("up", lambda on: self.open().up(replace=replace or None, **reading, **on))

    def _id(self, urn: str | None) -> str | None:
        """The id of a resource in the state; None if it is not there, or none is asked for."""
        if urn is None:
            return None
        return next((resource.get("id") for resource in self.resources() if resource["urn"] == urn), None)

    def _run(self, kind: str, run: Callable[[dict[str, Any]], Result], *, quietly: bool = False) -> Journal:
        """One engine run, whose lock is lifted if it was left by a dead process."""
        for attempt in (1, 2):
            journal = Journal(file=self.events / f"{kind}.jsonl" if self.events else None)
            self.settled = False
            listening = {
                "on_event": journal.record,
                "on_output": (lambda _: None) if quietly else self._show,
                "color": "never",
                "suppress_outputs": True,  # the closing table has them
            }
            try:
                run(listening)
            except ConcurrentUpdateError as error:
                if attempt == 2:
                    raise
                lift_lock(self.open(), str(error), self.say, self._surroundings)
                self._settle()
            except CommandError as error:
                raise DeploymentFailed(_explain(kind, journal, error), journal) from None
            else:
                self.settled = True
                return journal
            finally:
                journal.close()
        raise AssertionError("unreachable")

    def _show(self, line: str) -> None:
        """The engine's progress, without a line for each resource that is read anew."""
        if not _READING.match(line):
            self.show(line)

    def _settle(self) -> Mapping[str, Any]:
        """The state, after what a killed run left pending was settled."""
        stack = self.open()
        state = self.state()
        return state if self.settled else recover(stack, state, self._finders(), self.say, self._surroundings)

    def _look(self, resources: Sequence[Mapping[str, Any]]) -> Sight:
        try:
            return Hetzner(self.environment).look(resources)
        except (HCloudException, OSError) as error:
            self.say(f"Hetzner cannot be asked about the server ({error}); going on without")
            return Sight()

    def _forget_lost(self, state: Mapping[str, Any], sight: Sight) -> None:
        """A server that is gone is forgotten, with what was on it."""
        if lost := sight.lost(state.get("resources") or []):
            exported = self.open().export_stack()
            kept = without(exported.deployment or {}, lost)
            self.open().import_stack(Exported(version=exported.version, deployment=kept))

    def _switch_on(self, sight: Sight) -> None:
        try:
            Hetzner(self.environment).switch_on(sight)
        except (HCloudException, TimeoutError) as error:
            raise DeploymentFailed(str(error), Journal()) from error

    def _clear(self, journal: Journal, since: datetime) -> int:
        """Takes away what a failed run has left on one side only, the cloud's or the state's; how much."""
        doubtful = {*vanished(journal.errors), *halfway(journal.errors)}
        if not (journal.failed or doubtful):
            return 0
        ended = datetime.now(UTC)
        state = self.state()
        # Created without learning its id, as when a connection dropped.
        removed = remove_orphans(journal.failed, context(state, since, ended), self._finders(), self.say)
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
            self.say(f"  {urn.rsplit('::', 1)[-1]} is in the state but not in the cloud; it is forgotten")
        return len(gone)

    @contextmanager
    def way_in(self, *, first: bool = False) -> Iterator[None]:
        """Within, ssh reaches the server; `first`: also one that this very run makes.

        Raises:
            DeploymentFailed: the settings do not let this machine in.
        """
        stack_file = yaml.safe_load((self.project / f"Pulumi.{self.stack}.yaml").read_text()) or {}
        host = (stack_file.get("config") or {}).get(f"{PROJECT}:host")
        with ExitStack() as run:
            if isinstance(host, dict) and host.get("kind") == "hetzner":
                way = access.way_in(
                    self.stack, host, self._surroundings, first=first, answers=self.knock, say=self.say
                )
                try:
                    run.enter_context(way)
                except access.NoWayIn as error:
                    raise DeploymentFailed(str(error), Journal(errors=[Failure("", str(error))])) from None
            yield

    @property
    def _surroundings(self) -> Mapping[str, str]:
        return {**os.environ, **self.environment}

    def _finders(self) -> Iterable[Finder]:
        return self.finders if self.finders is not None else default_finders(self.environment)

    def _fall_back(self, ordered: Sequence[Intent]) -> bool:
        """Tells the program which server types were refused; whether it has others to order."""
        refused = {str(intent.inputs.get("serverType")) for intent in ordered if intent.type == SERVER}
        known = set(filter(None, self._told.get(REFUSED, "").split(",")))
        host = json.loads(self.open().get_config(f"{PROJECT}:host").value)
        types = [host.get("server_type"), *(host.get("server_type_fallbacks") or [])]
        self._told[REFUSED] = ",".join(sorted(known | refused))
        left = [name for name in types if name not in known | refused]
        if refused - known and left:
            self.say(f"server type {', '.join(refused)} is sold out; trying {left[0]}")
            return True
        return False

    def _pause(self, passing: int, errors: Sequence[Failure]) -> None:
        seconds = self.retry.pause_seconds * 2 ** (passing - 1)
        cause = next((error for error in errors if error.of_resource), None)
        reason = f" ({cause.name}: {_cause(cause.message)})" if cause else ""
        self.say(f"this may pass{reason}; try {passing + 1} of {self.retry.tries} in {seconds:.0f} s")
        self.retry.sleep(seconds)


def _said(error: CommandError) -> str:
    """What the engine ended with, without its exit code and what it printed before."""
    text = str(error).strip()
    return text.partition("error: ")[2].strip() or text


def _explain(kind: str, journal: Journal, error: CommandError) -> str:
    causes = [failure for failure in journal.errors if failure.of_resource] or journal.errors
    if not causes:
        return f"{kind} failed: {_said(error)}"
    lines = [
        f"{f'{failure.name}: ' if failure.of_resource else ''}{without_progress(failure.message)}"
        for failure in causes
    ]
    if meaning := hint(causes):
        lines.append(meaning)
    return "\n".join([f"{kind} failed:", *(textwrap.indent(line, "  ") for line in lines)])


def without_progress(message: str) -> str:
    """Of lines that follow each other and differ in numbers alone, the last: said while it waited."""
    lines = message.splitlines()
    alike = [re.sub(r"\d+", "", line) for line in lines]
    return "\n".join(
        line for line, shape, after in zip(lines, alike, [*alike[1:], None], strict=True) if shape != after
    )


def _unread(journal: Journal) -> str:
    cause = next(failure for failure in journal.errors if failure.of_resource)
    return (
        f"{cause.name} cannot be read ({_cause(cause.message)}); going on with what the state says: "
        "what was changed by hand is not looked at"
    )


def _given_up(tries: int, journal: Journal) -> DeploymentFailed:
    cause = next((failure for failure in journal.errors if failure.of_resource), journal.errors[0])
    return DeploymentFailed(
        f"gave up after {tries} tries: {cause.name}: {_cause(cause.message)}. "
        "What exists is in the state; run the same again when the provider has recovered.",
        journal,
    )


def _protected(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    return [resource["urn"].rsplit("::", 1)[-1] for resource in resources if resource.get("protect")]


def _kept(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """The buckets that a destroy forgets, and does not delete."""
    return [
        str(resource["inputs"]["name"])
        for resource in resources
        if resource["type"] == BUCKET and resource.get("retainOnDelete")
    ]


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
