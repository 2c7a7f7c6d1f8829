"""What an engine run did, gathered from its event stream."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from pulumi.automation import EngineEvent

from operations.marks import SECRET, SIGNATURE, UNKNOWN, shown

AMBIENT = re.compile(r"using pulumi-resource-\S+ from \$PATH")
"""The engine's warning about a plugin that it did not install; who puts one there says so."""
UNHANDLED = "an unhandled error occurred: "
"""What the engine puts before the program's own error when it repeats it."""

STACK = "pulumi:pulumi:Stack"
_EFFECTS = ("create", "update", "replace", "delete")


@dataclass(frozen=True)
class Failure:
    """An error that a run reported, of a resource (`urn`) or of the run as a whole (`urn` empty)."""

    urn: str
    message: str

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def of_resource(self) -> bool:
        """Whether a resource failed, rather than the program."""
        return self.type not in ("", STACK)

    @property
    def type(self) -> str:
        """The resource's type token, such as `hcloud:index/server:Server`."""
        parts = self.urn.split("::")
        return parts[2].rsplit("$", 1)[-1] if len(parts) > 3 else ""


@dataclass(frozen=True)
class Intent:
    """A resource that a run set out to create and, for all the engine knows, did not."""

    urn: str
    type: str
    inputs: Mapping[str, Any]
    provider: str = ""

    @property
    def name(self) -> str:
        """The name in the program, the last part of the URN."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Step:
    """One resource's step: `op` is the engine's word (create, update, replace, delete, same, ...)."""

    op: str
    urn: str
    type: str
    old: Mapping[str, Any]
    """The inputs so far."""
    new: Mapping[str, Any]
    """The inputs from now on."""
    changed: Mapping[str, str]
    """Property path to the engine's kind of difference (add, update-replace, ...)."""
    replacing: tuple[str, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The outputs so far."""
    in_outputs: frozenset[str] = frozenset()
    """The paths of `changed` that lead into `outputs`, where a set has another order than in `old`."""
    protected: bool = False
    """Whether the state protects it: then the engine refuses what would delete it."""
    retained: bool = False
    """Whether a delete forgets it and leaves it where it is."""

    def before(self, path: str) -> Any:
        """The value at a path of `changed` so far; where it is looked up is the engine's `inputDiff`."""
        return at(self.outputs if path in self.in_outputs else self.old, path)

    def after(self, path: str) -> Any:
        """The value at a path of `changed` from now on."""
        return at(self.new, path)

    @property
    def name(self) -> str:
        """The name in the program, the last part of the URN."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass
class Journal:
    """Collects events; give its `record` to `on_event`. With `file`, each event is also written there."""

    file: Path | None = None
    steps: list[Step] = field(default_factory=list)
    failed: list[Intent] = field(default_factory=list)
    errors: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    faced: list[str] = field(default_factory=list)
    """What was found of the server before the run (`operations/reality.py`), in words."""
    strayed: dict[str, str] = field(default_factory=dict)
    """URN of what was read anew and is not as the state has it, to what was found, in words."""
    unread: set[str] = field(default_factory=set)
    """URNs of what could not be read anew."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The stack's, as the run leaves them (or would), with the words of `marks` for what is not shown; empty
    where the program did not get so far."""
    _through: dict[str, str] = field(default_factory=dict)
    """URN of what was read anew to that of its provider."""
    _handle: TextIO | None = None

    def record(self, event: EngineEvent) -> None:
        """Takes one event of the engine."""
        self._write(event)
        if (pre := event.resource_pre_event) is not None:
            self._begin(pre.metadata)
        elif (ended := event.res_outputs_event) is not None:
            self._end(ended.metadata)
        elif (failed := event.res_op_failed_event) is not None:
            meta = failed.metadata
            if _word(meta.op) == "refresh":
                self.unread.add(meta.urn)
            if _word(meta.op) in ("create", "create-replacement") and meta.new is not None:
                inputs = meta.new.inputs or {}
                self.failed.append(Intent(meta.urn, meta.type, inputs, meta.new.provider or meta.provider))
        elif (diagnostic := event.diagnostic_event) is not None:
            self._diagnose(diagnostic.severity, diagnostic.urn, diagnostic.message)
        elif (summary := event.summary_event) is not None:
            changes = summary.resource_changes or {}
            self.counts = {_word(op): count for op, count in changes.items() if count}

    def close(self) -> None:
        """Closes the file of events."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    @property
    def changes(self) -> int:
        """How many resources the run changed (or would change)."""
        return sum(count for op, count in self.counts.items() if op not in ("same", "read", "refresh"))

    @property
    def only_unread(self) -> bool:
        """Whether the run failed in reading anew alone, which a run can do without."""
        failed = {failure.urn for failure in self.errors if failure.of_resource}
        return bool(failed) and failed <= self.unread

    @property
    def put_back(self) -> list[str]:
        """What had strayed and was set right by the run (or would be): a line for each."""
        return [
            *self.faced,
            *dict.fromkeys(
                f"{step.name} {self.strayed[step.urn]}"
                for step in self.steps
                if step.op in _EFFECTS and step.urn in self.strayed
            ),
        ]

    @property
    def unseen(self) -> set[str]:
        """URNs of what a preview could not read, and takes to be gone for it.

        The configuration of its provider is known only after the change, as that of a Docker whose server is
        prepared anew.
        """
        unknown = {
            step.urn
            for step in self.steps
            if step.type.startswith("pulumi:providers:") and UNKNOWN in json.dumps(dict(step.new))
        }
        return {urn for urn, provider in self._through.items() if provider in unknown}

    def face(self, words: list[str], told: Collection[str]) -> None:
        """Takes what was found of the server before the run, and about which resources that tells all."""
        self.faced = words
        for urn in told:
            self.strayed.pop(urn, None)

    def _begin(self, meta: Any) -> None:
        if _word(meta.op) != "refresh":
            self.steps.append(_step(meta))

    def _end(self, meta: Any) -> None:
        """What was read anew tells how it differs from the state; what is gone has no new state.

        The stack ends twice, the second time with its outputs.
        """
        if meta.type == STACK and meta.new is not None and meta.new.outputs:
            self.outputs = shown(meta.new.outputs)
        if _word(meta.op) == "refresh" and (meta.new is None or meta.diffs):
            self.strayed[meta.urn] = "was gone" if meta.new is None else "was changed"
            self._through[meta.urn] = meta.provider.rpartition("::")[0]

    def _diagnose(self, severity: str, urn: str | None, message: str) -> None:
        text = _plain(message)
        if severity == "error":
            failure = Failure(urn or "", text.removeprefix(UNHANDLED))
            if text and failure not in self.errors:
                self.errors.append(failure)
        elif severity == "warning" and text and not AMBIENT.search(text):
            self.warnings.append(text)

    def _write(self, event: EngineEvent) -> None:
        if self.file is None:
            return
        if self._handle is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._handle = self.file.open("w")
        self._handle.write(json.dumps(event, default=vars) + "\n")
        self._handle.flush()


def _step(meta: Any) -> Step:
    detailed = meta.detailed_diff or {}
    changed = {path: _word(diff.diff_kind) for path, diff in detailed.items()}
    for key in meta.diffs or []:
        if not any(path == key or path.startswith((f"{key}.", f"{key}[")) for path in changed):
            changed[key] = "update"
    return Step(
        op=_word(meta.op),
        urn=meta.urn,
        type=meta.type,
        old=(meta.old.inputs or {}) if meta.old else {},
        new=(meta.new.inputs or {}) if meta.new else {},
        changed=changed,
        replacing=tuple(meta.keys or ()),
        outputs=(meta.old.outputs or {}) if meta.old else {},
        in_outputs=frozenset(path for path, diff in detailed.items() if not diff.input_diff),
        protected=bool(meta.old and meta.old.protect),
        retained=bool(meta.old and meta.old.retain_on_delete),
    )


def at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a property path of the engine, such as `labels[0].value` or `mounts["a.b"]`."""
    found: Any = values
    for part in re.findall(r'\["([^"]*)"\]|\[(\d+)\]|([^.\[\]]+)', path):
        key, index, name = part
        if isinstance(found, Mapping) and SIGNATURE in found:
            return SECRET
        if isinstance(found, Mapping):
            found = found.get(key or name or index)
        elif isinstance(found, list) and index and int(index) < len(found):
            found = found[int(index)]
        else:
            return found if found == SECRET else None
    return found


def _word(value: Any) -> str:
    return str(getattr(value, "value", value))


def _plain(message: str) -> str:
    """Without the engine's colour directives such as `<{%reset%}>`."""
    return re.sub(r"<\{%.*?%\}>", "", message).strip()
