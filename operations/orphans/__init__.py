"""Finds and removes what an interrupted run created without its id reaching the state.

The engine notes a creation before it asks for it (`pending_operations` in the state), and the note holds the
inputs. A provider's connection that drops after the request leaves the same riddle, with the inputs in the
event stream. So nothing is searched for at large: each noted creation is looked up by its own name, and what
is found is removed only if no state knows its id, it carries the labels of the inputs, and it is as old as
the run: what is younger, another run is creating. It can hold no data yet: nothing that depends on it has
been created.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from operations.journal import Intent

CLOCK_SKEW = timedelta(minutes=30)
"""How far the clocks of cloud and operator, and the time between note and request, may lie apart."""
CLOCK_RESOLUTION = timedelta(seconds=2)
"""Clouds tell the time of a creation in whole seconds."""


class ForeignResource(Exception):
    """A name is taken by a resource that the interrupted run did not make; a person must decide."""


@dataclass(frozen=True)
class Context:
    """What the lookups may rely on."""

    known: frozenset[str]
    """Every id in the state."""
    since: datetime
    """When the interrupted run was at work."""
    until: datetime
    """When it was not any more, and no other was either: the stack's lock was free."""
    providers: Mapping[str, Mapping[str, Any]]
    """URN of each provider in the state to its inputs."""

    def owned(self, intent: Intent, labels: Mapping[str, str], created: datetime) -> bool:
        """Whether a resource found by name is what `intent` asked for."""
        wanted = intent.inputs.get("labels") or {}
        if not isinstance(wanted, Mapping):
            return False
        return self.of_the_run(created) and all(labels.get(k) == v for k, v in wanted.items())

    def of_the_run(self, created: datetime) -> bool:
        """Whether the interrupted run can have made what was created then."""
        return self.since - CLOCK_SKEW <= created and not self.younger(created)

    def younger(self, created: datetime) -> bool:
        """Whether only a run that began since can have made it."""
        return created > self.until + CLOCK_RESOLUTION


class Finder(Protocol):
    """Removes the leftovers of one provider."""

    prefix: str
    """Of the type tokens it answers for, such as `hcloud:`."""

    def remove(self, intent: Intent, context: Context) -> str | None:
        """What was removed, in words; None if there was nothing."""


def at_work(intent: Intent, kind: str, name: str, identity: str, created: datetime) -> ForeignResource:
    """The error for what another run has made while this one cleared up."""
    return ForeignResource(
        f"{intent.name}: the {kind} {name!r} (id {identity}) was made at {created:%H:%M:%S} by another run, "
        "which has begun since: wait for it, then run the same again"
    )


def foreign(intent: Intent, kind: str, name: str, identity: str, created: datetime) -> ForeignResource:
    """The error for a name that is taken by something which is not ours to remove."""
    return ForeignResource(
        f"{intent.name}: the {kind} {name!r} (id {identity}, of {created:%Y-%m-%d %H:%M}) exists in the "
        "project but not in this stack's state, and this run did not make it. Delete it there, or adopt it: "
        f"pulumi import {intent.type} {intent.name} {identity}"
    )
