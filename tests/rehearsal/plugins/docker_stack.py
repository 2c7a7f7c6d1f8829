"""A throw-away stack on the real engine, with the stand-in plugins, for the tests of docker and command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pulumi.automation import EngineEvent, ProjectBackend, ProjectSettings

from operations import engine
from operations.workspace import LeanStack, LeanWorkspace
from rehearsal import launchers

LABEL = f"plugin-test-{os.getpid()}"
"""Value of the label `jira-plus-plus` on what these tests make: other runs may share the engine."""


class Stack:
    """Runs programs one after another as versions of one stack; remembers what the engine did and said."""

    def __init__(self, folder: Path, environment: dict[str, str], official: tuple[str, ...] = ()) -> None:
        """`official` names plugins for which the one on PATH is used in place of the stand-in."""
        home = folder / "home"
        plugins = folder / "plugins"
        for path in (home, folder / "backend", folder / "work"):
            path.mkdir(parents=True, exist_ok=True)
        launchers.place(plugins, home, path=os.devnull)
        for name in official:
            (plugins / f"pulumi-resource-{name}").unlink()
        self.state = folder / "state"
        self._work = folder / "work"
        self._home = home
        self._environment = {
            **launchers.environment(plugins),
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(home),
            "REHEARSAL_STATE": str(self.state),
            **environment,
        }
        self.said = ""
        self.errors: list[tuple[str, str]] = []
        """What failed, by the resource's name."""
        self.diffs: dict[str, tuple[list[str], list[str]]] = {}
        """By step: the properties that differ, and those that replace."""
        self._made: Any = None

    def up(self, program: Callable[[], None], **options: Any) -> list[tuple[str, str]]:
        """Deploy: the steps as (operation, name), in the order in which the engine began them."""
        steps, on_event = self._listen()
        self.said = ""
        stack = self._stack(program)
        stack.up(on_event=on_event, on_output=self._hear, on_error=self._hear, color="never", **options)
        return steps

    def failing_up(self, program: Callable[[], None]) -> list[tuple[str, str]]:
        """Deploy something that must not succeed."""
        steps, on_event = self._listen()
        self.said = ""
        try:
            self._stack(program).up(
                on_event=on_event, on_output=self._hear, on_error=self._hear, color="never"
            )
        except Exception as error:  # the Automation API's own, by exit code
            self.said += str(error)
            return steps
        raise AssertionError("the update succeeded, it should have failed")

    def preview(self, program: Callable[[], None]) -> list[tuple[str, str]]:
        """What an update would do."""
        steps, on_event = self._listen()
        self.said = ""
        self._stack(program).preview(
            on_event=on_event, on_output=self._hear, on_error=self._hear, color="never"
        )
        return steps

    def refresh(self, program: Callable[[], None]) -> None:
        """Read everything again."""
        self._stack(program).refresh(on_output=self._hear, on_error=self._hear, color="never")

    def destroy(self) -> None:
        """Delete everything."""
        self.said = ""
        self._stack(lambda: None).destroy(on_output=self._hear, on_error=self._hear, color="never")

    def resources(self) -> dict[str, dict[str, Any]]:
        """The state: each resource by its name."""
        found = self._stack(lambda: None).export_stack().deployment.get("resources", [])
        return {
            resource["urn"].rpartition("::")[2]: resource for resource in found if not resource.get("delete")
        }

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, without secrets hidden."""
        stack = self._stack(lambda: None)
        return {name: output.value for name, output in stack.workspace.read_outputs(stack.name).items()}

    def _stack(self, program: Callable[[], None]) -> Any:
        if self._made is not None:
            self._made.workspace.program = program
            return self._made
        settings = ProjectSettings(
            name="trial", runtime="python", backend=ProjectBackend(self._environment["PULUMI_BACKEND_URL"])
        )
        workspace = LeanWorkspace(
            work_dir=str(self._work),
            pulumi_home=str(self._home),
            program=program,
            project_settings=settings,
            env_vars=self._environment,
            pulumi_command=engine.command(engine.engine()),
        )
        self._made = LeanStack.create("dev", workspace)
        return self._made

    def _hear(self, line: str) -> None:
        self.said += line + "\n"

    def _listen(self) -> tuple[list[tuple[str, str]], Callable[[EngineEvent], None]]:
        steps: list[tuple[str, str]] = []
        self.errors, self.diffs = [], {}

        def on_event(event: EngineEvent) -> None:
            if event.resource_pre_event is not None:
                step = event.resource_pre_event.metadata
                operation = step.op.value if hasattr(step.op, "value") else str(step.op)
                if operation != "same" and "pulumi:" not in step.type:
                    steps.append((operation, step.urn.rpartition("::")[2]))
                    self.diffs[f"{operation} {steps[-1][1]}"] = (
                        sorted(step.diffs or []),
                        sorted(step.keys or []),
                    )
            said = event.diagnostic_event
            if said is not None and said.severity == "error" and said.urn:
                self.errors.append((said.urn.rpartition("::")[2], said.message))

        return steps, on_event


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where two values differ, as `path: ours | theirs`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(ours.keys() | theirs.keys())
        return [line for key in keys for line in differences(ours.get(key), theirs.get(key), f"{path}.{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [line for n, (one, other) in pairs for line in differences(one, other, f"{path}[{n}]")]
    return [] if ours == theirs else [f"{path}: {ours!r} | {theirs!r}"]
