"""What a look finds."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.settings.problem import Problem


@dataclass(frozen=True)
class Finding:
    """A problem, and whether it stops the run or is only said."""

    problem: Problem
    stops: bool = True


class InTheWay(pulumi.RunError):
    """Everything that stands in the way of a stack, raised before any resource is declared.

    A `RunError` is what the engine shows as a plain message, without a traceback.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 thing stands" if len(self.problems) == 1 else f"{len(self.problems)} things stand"
        lines = [f"{count} in the way of this stack (nothing was created or changed):"]
        super().__init__("\n".join(lines + [f"  {problem}" for problem in self.problems]))
