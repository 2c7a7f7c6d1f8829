"""What a run did, or would do, to each resource, in a form that a table can state."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from operations.changes import SIGNS
from operations.journal import Journal, Step
from operations.marks import UNKNOWN

Effects = dict[str, str]
"""A resource's name to a sign (`+` created, `~` changed, `±` replaced, `-` deleted) and the properties.

Of a container's environment and of a job's command line the parts: `envs:PORT`, `create:--memory`.
"""


def effects(journal: Journal) -> Effects:
    """The effects on everything but the stack itself and components, which are only groups of others."""
    found: Effects = {}
    for step in journal.steps:
        if step.op not in SIGNS or step.type.startswith(("pulumi:pulumi:", "jira-plus-plus:")):
            continue
        assert step.name not in found, f"{step.name}: two resources of one name, of which one is {step.type}"
        found[step.name] = " ".join([SIGNS[step.op], *sorted(set(_properties(step)))])
    return found


def _properties(step: Step) -> Iterator[str]:
    for name in {re.split(r"[.\[]", path)[0] for path in step.changed}:
        # What a provider computes anew after a change is shown as changing, too; it says nothing of its own.
        if name in step.old or name in step.new:
            parts = set(_parts(name, step.old.get(name), step.new.get(name)))
            yield from (f"{name}:{part}" for part in parts) if parts else (name,)


def _parts(name: str, old: Any, new: Any) -> Iterator[str]:
    """What differs within a list of variables or a command line; nothing if more differs than flags do."""
    if name == "envs" and isinstance(old, list) and isinstance(new, list):
        before, after = old, new
    elif name == "create" and isinstance(old, str) and isinstance(new, str) and UNKNOWN not in new:
        before, after = shlex.split(old), shlex.split(new)
    else:
        return
    differing = set(before) ^ set(after)
    if name == "create" and not all(word.startswith("--") and "=" in word for word in differing):
        return
    yield from (word.removeprefix("--env=").split("=")[0] for word in differing)
