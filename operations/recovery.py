"""Makes a stack whole after a run that was killed: the lock, the cut-off operations, the leftovers.

Rules, in order:
1. A lock whose holder is known to be gone is lifted; any other is an error (`operations.locks`).
2. Each creation that was cut off is looked up where it was to happen and removed (see `operations.orphans`);
   the next up creates it again, with ids that the state knows.
3. Each deletion that was cut off is read again (a refresh of just these), as nobody knows if it came through.
4. An update that was cut off needs nothing: the next up compares with the old inputs and updates again.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pulumi.automation import CommandError, ConcurrentUpdateError, Deployment, Stack

from operations.journal import Intent
from operations.locks import lift_lock
from operations.orphans import Context, Finder
from operations.orphans.cloudflare import Cloudflare
from operations.orphans.docker import DockerHost
from operations.orphans.hetzner import Hetzner

Say = Callable[[str], None]


def default_finders(environment: Mapping[str, str]) -> list[Finder]:
    """The lookups that the environment has credentials for."""
    values = {**os.environ, **environment}
    finders: list[Finder] = [DockerHost()]
    if values.get("HCLOUD_TOKEN"):
        pause = 0.2 if "127.0.0.1" in values.get("HCLOUD_ENDPOINT", "") else 2.0
        finders.append(Hetzner(dict(environment), pause_seconds=pause))
    if values.get("CLOUDFLARE_API_TOKEN"):
        finders.append(Cloudflare(dict(environment)))
    return finders


def recover(
    stack: Stack,
    state: Mapping[str, Any],
    finders: Iterable[Finder],
    say: Say = print,
    environment: Mapping[str, str] = os.environ,
) -> Mapping[str, Any]:
    """Settles what a killed run left pending in `state`, as exported; the state from now on.

    `environment` may ask GitHub.

    Raises:
        Locked: what is pending is another run's that may still be at work.
        ForeignResource: a name is held by something that the killed run did not make.
    """
    pending = state.get("pending_operations") or []
    if not pending:
        return state
    # The refresh takes the lock, so it fails if the pending operations are those of a run that is alive.
    replaced = {r["urn"] for r in state.get("resources") or [] if r.get("delete")}
    deleting = {op["resource"]["urn"] for op in pending if op["type"] == "deleting"} - replaced
    free = datetime.now(UTC)
    try:
        read_again(stack, sorted(deleting), say)
    except ConcurrentUpdateError as error:
        lift_lock(stack, str(error), say, environment)
        free = datetime.now(UTC)
        read_again(stack, sorted(deleting), say)
    say(f"an earlier run was cut off in {len(pending)} operation(s); settling them first")
    creating = [op["resource"] for op in pending if op["type"] == "creating"]
    intents = [
        Intent(r["urn"], r["type"], r.get("inputs") or {}, r.get("provider") or "")
        for r in creating
    ]  # fmt: skip
    remove_orphans(intents, context(state, _moment(state), free), finders, say)
    exported = stack.export_stack()
    settled = {
        key: value for key, value in (exported.deployment or {}).items() if key != "pending_operations"
    }
    stack.import_stack(Deployment(version=exported.version, deployment=settled))
    return settled


def remove_orphans(
    intents: Sequence[Intent], known: Context, finders: Iterable[Finder], say: Say = print
) -> int:
    """Removes what was created of `intents` without reaching the state; the number of removed resources."""
    removed = 0
    by_prefix = {finder.prefix: finder for finder in finders}
    # Servers first: they hold addresses, firewalls and volumes.
    for intent in sorted(intents, key=lambda intent: "server:Server" not in intent.type):
        finder = by_prefix.get(f"{intent.type.split(':', 1)[0]}:")
        if finder is None:
            continue
        try:
            words = finder.remove(intent, known)
        except (OSError, subprocess.SubprocessError) as error:
            say(f"  {intent.name}: could not look for a leftover ({_short(error)}); going on without")
            continue
        if words:
            say(f"  removed a leftover that no state knows: {words}")
            removed += 1
    return removed


def context(state: Mapping[str, Any], since: datetime, until: datetime) -> Context:
    """What lookups may rely on, from an exported deployment; see `Context`."""
    resources = state.get("resources") or []
    ids = {str(resource["id"]) for resource in resources if resource.get("id")}
    typed = {f"{resource['type']}/{resource['id']}" for resource in resources if resource.get("id")}
    providers = {
        resource["urn"]: resource.get("inputs") or {}
        for resource in resources
        if resource["type"].startswith("pulumi:providers:")
    }
    return Context(known=frozenset(ids | typed), since=since, until=until, providers=providers)


def _moment(state: Mapping[str, Any]) -> datetime:
    """When the state was last written: the cut-off run noted its last step then."""
    written = re.sub(r"(\.\d{6})\d+", r"\1", str(state["manifest"]["time"]))
    return datetime.fromisoformat(written)


def read_again(stack: Stack, urns: list[str], say: Say) -> None:
    """Refreshes these; without any, only the stack itself, which asks no provider."""
    project = stack.workspace.project_settings().name
    root = f"urn:pulumi:{stack.name}::{project}::pulumi:pulumi:Stack::{project}-{stack.name}"
    try:
        stack.refresh(target=urns or [root], color="never")
    except ConcurrentUpdateError:
        raise
    except CommandError as error:
        if urns:
            last = str(error).strip().splitlines()[-1:]
            say(f"  could not read {len(urns)} half-deleted resource(s) again: {''.join(last)}")


def _short(error: BaseException) -> str:
    detail = getattr(error, "stderr", None) or str(error)
    return " ".join(str(detail).split())[:200]
