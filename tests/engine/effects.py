"""What a run did, or would do, to each resource, in a form that a table can state."""

from __future__ import annotations

import re

from operations.changes import SIGNS
from operations.journal import Journal

Effects = dict[str, str]
"""A resource's name to a sign (`+` created, `~` changed, `±` replaced, `-` deleted) and the properties."""


def effects(journal: Journal) -> Effects:
    """The effects on everything but the stack itself and components, which are only groups of others."""
    found: Effects = {}
    for step in journal.steps:
        if step.op not in SIGNS or step.type.startswith(("pulumi:pulumi:", "jira-plus-plus:")):
            continue
        # What a provider computes anew after a change is shown as changing, too; it says nothing of its own.
        properties = {re.split(r"[.\[]", path)[0] for path in step.changed} & (
            step.old.keys() | step.new.keys()
        )
        assert step.name not in found, f"{step.name}: two resources of one name, of which one is {step.type}"
        found[step.name] = " ".join([SIGNS[step.op], *sorted(properties)])
    return found
