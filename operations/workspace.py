"""The Automation API's workspace and stack, without the runs of the engine that they add to each up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pulumi.automation import LocalWorkspace, OutputMap, PreviewResult, Stack, UpdateSummary, Workspace
from pulumi.automation._stack import StackInitMode


class LeanWorkspace(LocalWorkspace):
    """Its stacks do not read their outputs back after each up, which takes two runs of the engine.

    Who wants the outputs asks for them: `read_outputs`.
    """

    def stack_outputs(self, stack_name: str) -> OutputMap:  # noqa: ARG002
        """None: it is what `Stack.up` calls; see the class."""
        return {}

    def read_outputs(self, stack_name: str) -> OutputMap:
        """The stack's outputs; a secret one says so."""
        return super().stack_outputs(stack_name)


class LeanStack(Stack):
    """Its runs do not read the stack's history back, which takes another run of the engine.

    What happened in a run is told by its events (`operations/journal.py`).
    """

    def preview(self, *args: Any, **asked: Any) -> PreviewResult:
        """What an up would do.

        Of each resource that it reads anew the engine makes a whole state, to write none of them: half of its
        work in a preview. `PULUMI_SKIP_CHECKPOINTS` leaves that out (`NewSnapshotManager` in
        pkg/v3/backend/snapshot.go). An up goes without it: what is done is in the state at once.
        """
        variables = self.workspace.env_vars
        self.workspace.env_vars = {**variables, "PULUMI_SKIP_CHECKPOINTS": "true"}
        try:
            return super().preview(*args, **asked)
        finally:
            self.workspace.env_vars = variables

    @classmethod
    def select(cls, stack_name: str, workspace: Workspace) -> LeanStack:
        """The stack that exists.

        Raises:
            StackNotFoundError: it does not.
        """
        return cls(stack_name, workspace, StackInitMode.SELECT)

    @classmethod
    def create(cls, stack_name: str, workspace: Workspace) -> LeanStack:
        """A new stack."""
        return cls(stack_name, workspace, StackInitMode.CREATE)

    def info(self, show_secrets: bool = True) -> UpdateSummary:  # noqa: ARG002
        """Nothing but that the run succeeded: `Stack.up` calls it where it has, and wants an answer."""
        return UpdateSummary(
            kind="", start_time=datetime.now(UTC), message="", environment={}, config={}, result="succeeded"
        )
