"""Commands on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from rehearsal.plugins import provider as plugin
from rehearsal.plugins.command import recording
from rehearsal.plugins.command.local import LocalCommand
from rehearsal.plugins.command.remote import RemoteCommand
from rehearsal.plugins.provider import UNKNOWN, Call, Kind, ProviderError, Values

COMMAND = LocalCommand()


@pytest.fixture(autouse=True)
def _running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REHEARSAL_DOCKER", raising=False)


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    token = plugin._CALL.set(
        Call(name="job", logger=lambda urn, message, severity, ephemeral: lines.append(message))
    )
    yield lines
    plugin._CALL.reset(token)


def run(**inputs: object) -> Values:
    return COMMAND.create(inputs, preview=False)[1]


def test_it_runs_in_a_shell_with_the_environment_folder_and_stdin_that_are_given(tmp_path: Path) -> None:
    outputs = run(create="pwd; echo $A; cat", dir=str(tmp_path), environment={"A": "1"}, stdin="in")
    assert outputs["stdout"] == f"{tmp_path}\n1\nin"


def test_the_interpreter_gets_the_command_as_its_last_argument() -> None:
    assert run(create="hello", interpreter=["/bin/echo", "-n"])["stdout"] == "hello"


def test_its_id_is_the_name_with_eight_digits_and_nothing_runs_without_a_command(said: list[str]) -> None:
    resource_id, outputs = COMMAND.create({"delete": "false"}, preview=False)
    assert resource_id.startswith("job")
    assert len(resource_id) == len("job") + 8
    assert outputs == {"delete": "false", "stdout": "", "stderr": ""}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"create": "echo no >&2; exit 4"}, 'exit status 4: running "echo no >&2; exit 4":\nno\n'),
        ({"create": "kill -9 $$"}, 'signal: killed: running "kill -9 $$":\n'),
        (
            {"create": "x", "interpreter": ["nonesuch"]},
            'exec: "nonesuch": executable file not found in $PATH',
        ),
        ({"create": "x", "dir": "/none/such"}, 'chdir /none/such: no such file or directory: running "x":\n'),
    ],
    ids=["status", "signal", "program", "folder"],
)
def test_a_failure_says_why_which_command_and_what_it_wrote(inputs: Values, message: str) -> None:
    with pytest.raises(ProviderError) as failure:
        run(**inputs)
    assert str(failure.value).startswith(message)


def test_a_large_stdin_that_is_not_read_is_no_error() -> None:
    assert run(create="true", stdin="x" * 1_000_000)["stdout"] == ""


def test_lines_are_shown_while_it_runs(said: list[str]) -> None:
    run(create="echo out; echo err >&2", logging="stdout")
    assert said == ["out"]


def test_the_output_of_the_last_run_is_in_the_environment_unless_it_is_switched_off() -> None:
    inputs = {"create": "echo [$PULUMI_COMMAND_STDOUT][$PULUMI_COMMAND_STDERR]"}
    old = {**inputs, "stdout": "o", "stderr": "e"}
    assert COMMAND.update("job", inputs, old, inputs, preview=False)["stdout"] == "[o][e]"
    inputs = {**inputs, "addPreviousOutputInEnv": False}
    assert COMMAND.update("job", inputs, old, inputs, preview=False)["stdout"] == "[][]"


def test_a_failed_update_or_delete_raises_and_so_leaves_the_old_state(said: list[str]) -> None:
    with pytest.raises(ProviderError, match="exit status 1"):
        COMMAND.update("job", {}, {"stdout": "", "stderr": ""}, {"create": "false"}, preview=False)
    with pytest.raises(ProviderError, match="exit status 1"):
        COMMAND.delete("job", {}, {"delete": "false"})


def test_at_preview_nothing_runs_and_the_output_is_unknown_if_anything_changed(tmp_path: Path) -> None:
    inputs = {"create": f"touch {tmp_path}/ran"}
    assert COMMAND.create(inputs, preview=True) == ("", {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN})
    old = {**inputs, "stdout": "o", "stderr": ""}
    assert COMMAND.update("job", inputs, old, inputs, preview=True)["stdout"] == "o"
    assert COMMAND.update("job", inputs, old, {"create": "x"}, preview=True)["stdout"] is UNKNOWN
    assert not (tmp_path / "ran").exists()


def test_every_change_is_an_update_and_only_triggers_as_a_whole_replace() -> None:
    old = {"create": "a", "triggers": ["1"]}
    inner = COMMAND.diff("job", old, {}, {"create": "b", "triggers": ["2"]})
    assert inner.detailed == {"create": Kind.UPDATE, "triggers[0]": Kind.UPDATE}
    assert inner.replaces == [], "the SDK asks for this one, by replace_on_changes"
    assert COMMAND.diff("job", old, {}, {"create": "a"}).replaces == ["triggers"]


def test_an_input_that_is_not_offered_is_refused() -> None:
    _, failures = COMMAND.check({}, {"create": "x", "assetPaths": ["*"], "logging": "loud"}, b"")
    assert [failure.property for failure in failures] == ["assetPaths", "logging"]


def test_a_cancelled_update_kills_the_command() -> None:
    cancelled = threading.Event()
    token = plugin._CALL.set(Call(name="job", cancelled=cancelled))
    threading.Timer(0.3, cancelled.set).start()
    try:
        with pytest.raises(ProviderError, match="cancelled by the engine: the command was killed"):
            run(create="exec sleep 60")
    finally:
        plugin._CALL.reset(token)


def test_when_recording_nothing_runs_and_stdin_leaves_only_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setenv("REHEARSAL_DOCKER", "record")
    monkeypatch.setenv("REHEARSAL_STATE", str(tmp_path))
    recording._said.clear()
    outputs = run(create=f"touch {tmp_path}/ran", stdin="hunter2")
    assert (outputs["stdout"], outputs["stderr"]) == ("", "")
    remote = {"connection": {"host": "203.0.113.7"}, "delete": "rm x"}
    RemoteCommand().delete("job", {}, remote)
    text = (tmp_path / "commands.jsonl").read_text()
    first, second = map(json.loads, text.splitlines())
    assert not (tmp_path / "ran").exists()
    assert "hunter2" not in text
    assert first["stdin_sha256"] == sha256(b"hunter2").hexdigest()
    assert (first["resource"], first["operation"], first["host"]) == ("job", "create", "local")
    assert (second["operation"], second["host"], second["command"]) == ("delete", "203.0.113.7", "rm x")
    assert len(said) == 1, "that nothing runs is said once"
