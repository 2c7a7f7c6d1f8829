"""What local and remote commands share: when which of `create`, `update` and `delete` runs, and with what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.plugins.command import played, recording
from rehearsal.plugins.provider import (
    UNKNOWN,
    CheckFailure,
    Diff,
    ProviderError,
    Resource,
    Values,
    call,
    log,
    unique_name,
)

_OUTPUTS = ("stdout", "stderr")
_LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")


@dataclass
class Output:
    """What a command wrote, without the last newline of each stream."""

    stdout: str
    stderr: str


class Command(Resource):
    """Runs `create` when made, `update` (or `create` again) when an input changes, `delete` when it goes."""

    inputs: frozenset[str] = frozenset(
        {
            "addPreviousOutputInEnv",
            "create",
            "delete",
            "environment",
            "logging",
            "stdin",
            "triggers",
            "update",
        }
    )
    required: frozenset[str] = frozenset()

    def run(self, command: str, inputs: Values, previous: Mapping[str, str]) -> Output:
        """Run one command, `previous` added to its environment. Raises `ProviderError` if it fails."""
        raise NotImplementedError

    def place(self, inputs: Values) -> str:
        """Where it runs, for the record."""
        raise NotImplementedError

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        """See `Resource`."""
        failures = [
            CheckFailure(name, f"{name} is not offered by the stand-in plugin command: remove it")
            for name in sorted(news.keys() - self.inputs)
        ]
        failures += [
            CheckFailure(name, f"missing required property {name}")
            for name in sorted(self.required - news.keys())
        ]
        if news.get("logging", "none") not in (*_LOGGING, UNKNOWN):
            failures.append(CheckFailure("logging", f"must be one of {', '.join(_LOGGING)}"))
        return news, failures

    def diff(self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values) -> Diff:
        """Every change is an update; only triggers that come or go as a whole replace.

        For a change inside `triggers` it is the SDK that asks for a replacement, by `replace_on_changes`.
        """
        found = Diff.between(old_inputs, news)
        found.replaces = ["triggers"] if "triggers" in found.detailed else []
        return found

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Run `create`, if there is one."""
        if preview:
            return "", {**inputs, **dict.fromkeys(_OUTPUTS, UNKNOWN)}
        written = self._run("create", inputs.get("create"), inputs, {})
        return unique_name(call().name, b"", digits=8, separator=""), {**inputs, **written}

    def update(
        self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values, preview: bool
    ) -> Values:
        """Run `update`, or `create` again where there is none; a failure leaves the old state."""
        if preview:
            changed = bool(Diff.between(old_inputs, news).detailed)
            return {
                **news,
                **{name: UNKNOWN if changed else old_outputs.get(name, "") for name in _OUTPUTS},
            }
        command = news.get("create") if news.get("update") is None else news["update"]
        return {**news, **self._run("update", command, news, old_outputs)}

    def delete(self, resource_id: str, inputs: Values, outputs: Values) -> None:
        """Run `delete`, if there is one."""
        self._run("delete", outputs.get("delete"), outputs, outputs)

    def _run(self, operation: str, command: str | None, inputs: Values, before: Values) -> dict[str, str]:
        kept = {name: str(before.get(name) or "") for name in _OUTPUTS}
        if command is None:
            return kept
        if recording.on():
            recording.record(operation, command, self.place(inputs), inputs.get("stdin"))
            played.play(call().name, operation, command, self.place(inputs))
            return dict.fromkeys(_OUTPUTS, "")
        previous: dict[str, str] = {}
        if inputs.get("addPreviousOutputInEnv", True):
            previous = {f"PULUMI_COMMAND_{name.upper()}": text for name, text in kept.items() if text}
        written = self.run(command, inputs, previous)
        return {"stdout": written.stdout, "stderr": written.stderr}


class Transcript:
    """Collects what a command writes; shows its lines while the update runs, as far as `logging` says."""

    def __init__(self, logging: str | None) -> None:
        self._shown = {
            "stdout": logging in (None, "stdout", "stdoutAndStderr"),
            "stderr": logging in (None, "stderr", "stdoutAndStderr"),
        }
        self._parts: dict[str, list[bytes]] = {"stdout": [], "stderr": [], "both": []}

    def add(self, stream: str, line: bytes) -> None:
        """One line of `stdout` or `stderr`."""
        self._parts[stream].append(line)
        self._parts["both"].append(line)
        if self._shown[stream]:
            log(line.decode(errors="replace").rstrip("\r\n"), ephemeral=True)

    def output(self) -> Output:
        """The streams, each without its last newline."""
        return Output(self._text("stdout").removesuffix("\n"), self._text("stderr").removesuffix("\n"))

    def failure(self, reason: str, command: str) -> ProviderError:
        """The error of a command that failed: why, the command, and all that it wrote."""
        quoted = json.dumps(command, ensure_ascii=False)
        return ProviderError(f"{reason}: running {quoted}:\n{self._text('both')}")

    def _text(self, stream: str) -> str:
        return b"".join(self._parts[stream]).decode(errors="replace")


def with_defaults(value: Any, defaults: Mapping[str, Any]) -> Any:
    """An object with what is missing filled in; anything else (unknown, absent) as it is."""
    if not isinstance(value, dict):
        return value
    return {**defaults, **{name: part for name, part in value.items() if part is not None}}
