"""A mistake in the settings, and the one error that carries all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pydantic_core import PydanticCustomError

NOTHING = "nothing"
NOT_SHOWN = "(not shown)"


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, what stands there, what is wrong with it, and what to do."""

    path: str
    got: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: got {self.got}; {self.wrong}; {self.remedy}"


class SettingsError(pulumi.RunError):
    """Every mistake of a stack's settings, raised before any resource is declared.

    A `RunError` is what the engine shows as a plain message, without a traceback.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 mistake" if len(self.problems) == 1 else f"{len(self.problems)} mistakes"
        lines = [f"{count} in the settings of this stack (nothing was created or changed):"]
        super().__init__("\n".join(lines + [f"  {problem}" for problem in self.problems]))


def wrong(what: str, remedy: str) -> PydanticCustomError:
    """The error that a validator of one value raises; `report.py` adds the path and the value."""
    return PydanticCustomError("rule", "{what}; {remedy}", {"what": what, "remedy": remedy})
