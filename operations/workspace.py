"""The Automation API's workspace, without the runs of the engine that it adds to each up."""

from __future__ import annotations

from pulumi.automation import LocalWorkspace, OutputMap


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
