"""Finds and removes what an interrupted run created without its id reaching the state.

The engine notes a creation before it asks for it (`pending_operations` in the state), and the note holds the
inputs. A provider's connection that drops after the request leaves the same riddle, with the inputs in the
event stream. So nothing is searched for at large: each noted creation is looked up by its own name, and what
is found is removed only if no state knows its id, it carries the labels of the inputs, and it is no older
than the run. It can hold no data yet: nothing that depends on it has been created.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from operations.journal import Intent

CLOCK_SKEW = timedelta(minutes=30)
"""How far the clocks of cloud and operator, and the time between note and request, may lie apart."""


class ForeignResource(Exception):
    """A name is taken by a resource that no run of ours made just now; a person must decide."""


@dataclass(frozen=True)
class Context:
    """What the lookups may rely on."""

    known: frozenset[str]
    """Every id in the state."""
    since: datetime
    """When the interrupted run was at work."""
    providers: Mapping[str, Mapping[str, Any]]
    """URN of each provider in the state to its inputs."""

    def owned(self, intent: Intent, labels: Mapping[str, str], created: datetime) -> bool:
        """Whether a resource found by name is what `intent` asked for."""
        wanted = intent.inputs.get("labels") or {}
        if not isinstance(wanted, Mapping):
            return False
        return created >= self.since - CLOCK_SKEW and all(labels.get(k) == v for k, v in wanted.items())


class Finder(Protocol):
    """Removes the leftovers of one provider."""

    prefix: str
    """Of the type tokens it answers for, such as `hcloud:`."""

    def remove(self, intent: Intent, context: Context) -> str | None:
        """What was removed, in words; None if there was nothing."""


def foreign(intent: Intent, kind: str, name: str, identity: str, created: datetime) -> ForeignResource:
    """The error for a name that is taken by something which is not ours to remove."""
    return ForeignResource(
        f"{intent.name}: the {kind} {name!r} (id {identity}, of {created:%Y-%m-%d %H:%M}) exists in the "
        "project but not in this stack's state, and this run did not make it. Delete it there, or adopt it: "
        f"pulumi import {intent.type} {intent.name} {identity}"
    )
