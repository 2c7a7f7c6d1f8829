"""Makes a stack whole after a run that was killed: the lock, the cut-off operations, the leftovers.

Rules, in order:
1. A lock of a process of this machine that is gone is lifted; any other lock is an error with its owner.
2. Each creation that was cut off is looked up where it was to happen and removed (see `operations.orphans`);
   the next up creates it again, with ids that the state knows.
3. Each deletion that was cut off is read again (a refresh of just these), as nobody knows if it came through.
4. An update that was cut off needs nothing: the next up compares with the old inputs and updates again.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pulumi.automation import CommandError, ConcurrentUpdateError, Deployment, Stack

from operations.journal import Intent
from operations.orphans import Context, Finder
from operations.orphans.cloudflare import Cloudflare
from operations.orphans.docker import DockerHost
from operations.orphans.hetzner import Hetzner

Say = Callable[[str], None]

_OWNER = re.compile(r"created by (?P<user>.*?)@(?P<host>.*?) \(pid (?P<pid>\d+)\) at (?P<time>\S+)")


class Locked(Exception):
    """Another run holds the stack's lock, or its machine does and only a person can know."""


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


def lift_lock(stack: Stack, stderr: str, say: Say = print) -> None:
    """Lifts the locks that `stderr` of a refused command names, if their processes are gone.

    Raises:
        Locked: one of them lives, or is of another machine.
    """
    owners = list(_OWNER.finditer(stderr))
    for owner in owners:
        user, host, pid, since = owner["user"], owner["host"], int(owner["pid"]), owner["time"]
        remedy = f"if that run is over for certain: pulumi cancel --stack {stack.name}"
        if host != socket.gethostname():
            raise Locked(f"stack {stack.name} is locked since {since} by {user}@{host} (pid {pid}); {remedy}")
        if _runs_engine(pid):
            raise Locked(
                f"stack {stack.name} is in use since {since} by process {pid} of {user}; wait for it"
            )
    if not owners:
        raise Locked(f"stack {stack.name} is locked by another run: {stderr.strip()}")
    say(f"lifting the lock of a run that is gone (pid {', '.join(owner['pid'] for owner in owners)})")
    stack.cancel()


def _runs_engine(pid: int) -> bool:
    """Whether `pid` lives and is an engine; a number that was given to another program since is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    name = Path(f"/proc/{pid}/comm")
    with suppress(OSError):
        return name.read_text().strip().startswith("pulumi")
    return True


def recover(stack: Stack, finders: Iterable[Finder], say: Say = print) -> bool:
    """Settles what a killed run left pending; True if there was anything.

    Raises:
        Locked: what is pending is another run's that may still be at work.
        ForeignResource: a name is held by something that the killed run did not make.
    """
    state = stack.export_stack().deployment or {}
    pending = state.get("pending_operations") or []
    if not pending:
        return False
    # The refresh takes the lock, so it fails if the pending operations are those of a run that is alive.
    replaced = {r["urn"] for r in state.get("resources") or [] if r.get("delete")}
    deleting = {op["resource"]["urn"] for op in pending if op["type"] == "deleting"} - replaced
    try:
        read_again(stack, sorted(deleting), say)
    except ConcurrentUpdateError as error:
        lift_lock(stack, str(error), say)
        read_again(stack, sorted(deleting), say)
    say(f"an earlier run was cut off in {len(pending)} operation(s); settling them first")
    creating = [op["resource"] for op in pending if op["type"] == "creating"]
    intents = [
        Intent(r["urn"], r["type"], r.get("inputs") or {}, r.get("provider") or "")
        for r in creating
    ]  # fmt: skip
    remove_orphans(intents, context(state, _moment(state)), finders, say)
    exported = stack.export_stack()
    settled = {
        key: value for key, value in (exported.deployment or {}).items() if key != "pending_operations"
    }
    stack.import_stack(Deployment(version=exported.version, deployment=settled))
    return True


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


def context(state: Mapping[str, Any], since: datetime) -> Context:
    """What lookups may rely on, from an exported deployment."""
    resources = state.get("resources") or []
    ids = {str(resource["id"]) for resource in resources if resource.get("id")}
    typed = {f"{resource['type']}/{resource['id']}" for resource in resources if resource.get("id")}
    providers = {
        resource["urn"]: resource.get("inputs") or {}
        for resource in resources
        if resource["type"].startswith("pulumi:providers:")
    }
    return Context(known=frozenset(ids | typed), since=since, providers=providers)


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
