"""Another major version of Postgres is refused where it is seen first: in the preview."""

import os
from collections.abc import Mapping

import pulumi

MOVED = "JIRA_PLUS_PLUS_POSTGRES_MOVED"
"""Variable of the environment: the major version of the data, as `make upgrade-postgres` has seen to."""
INPUT = "major"
"""Of the component: the state remembers by it which major version the stack was last brought to."""


def kept(
    name: str, stack: str, local: bool, environment: Mapping[str, str] = os.environ
) -> pulumi.ResourceHookBinding:
    """The hook of a component with `INPUT` that refuses another major version than the state's.

    A hook is the only part of a program that sees what was there before, and it runs in a preview, too
    (https://www.pulumi.com/docs/iac/concepts/resources/options/hooks/). A state from before there was this
    input says nothing: then the guard of the data (data-guard.sh) refuses, later, but in time.
    """
    moved = environment.get(MOVED, "")  # now: the program's environment is gone when the hook runs

    def compare(args: pulumi.ResourceHookArgs) -> None:
        then, now = ((inputs or {}).get(INPUT) for inputs in (args.old_inputs, args.new_inputs))
        if then and now and (words := refusal(int(then), int(now), stack, local, moved)):
            raise pulumi.RunError(words)

    options = pulumi.ResourceHookOptions(on_dry_run=True)
    return pulumi.ResourceHookBinding(before_update=[pulumi.ResourceHook(f"{name}-major", compare, options)])


def refusal(then: int, now: int, stack: str, local: bool, moved: str) -> str:
    """Why the data of Postgres `then` cannot be served by `now`, and the way over; empty: they can."""
    if then == now or moved == str(now):
        return ""
    way = (
        f"what {stack} holds is thrown away by a destroy: destroy it, and up again"
        if local
        else f"`make upgrade-postgres STACK={stack} TO={now}` moves the data and writes the image into "
        f"Pulumi.{stack}.yaml"
    )
    return (
        f"images.postgres: it is Postgres {now}, which cannot read the data of Postgres {then} that {stack} "
        f"has; nothing was changed. Keep {then}, or: {way} "
        "(docs/runbook.md, Another major version of Postgres)"
    )
