"""Another major version of Postgres: what the hook says of it, and that the state is told the present one."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest

from components.services.postgres_major import MOVED, kept, refusal
from rehearsal.declared.platform import declared


def hook(environment: dict[str, str] | None = None, local: bool = False) -> Any:
    (found,) = kept("postgres", "uat", local, environment or {}).before_update or []
    return found


def seen(before: dict[str, Any], after: dict[str, Any], **options: Any) -> None:
    """Calls the hook as the engine does, whose numbers are floats."""
    arguments = pulumi.ResourceHookArgs("urn", "", "postgres", "type", new_inputs=after, old_inputs=before)
    done = hook(**options).callback(arguments)
    if done is not None:
        asyncio.run(done)


def test_it_is_asked_in_a_preview_as_well() -> None:
    assert hook().opts.on_dry_run


def test_another_major_version_is_refused_with_the_command_that_moves_the_data() -> None:
    with pytest.raises(pulumi.RunError) as refused:
        seen({"major": 15.0}, {"major": 17.0})
    assert "Postgres 17, which cannot read the data of Postgres 15 that uat has" in str(refused.value)
    assert "`make upgrade-postgres STACK=uat TO=17`" in str(refused.value)
    assert "Another major version of Postgres" in str(refused.value)


def test_so_is_one_that_is_older_than_what_is_there() -> None:
    with pytest.raises(pulumi.RunError, match=r"make upgrade-postgres STACK=uat TO=15"):
        seen({"major": 17.0}, {"major": 15.0})


@pytest.mark.parametrize("before", [{}, {"major": 15.0}], ids=["a state of before", "the same one"])
def test_a_state_that_says_nothing_is_left_to_the_guard_of_the_data(before: dict[str, Any]) -> None:
    seen(before, {"major": 15.0})


def test_the_run_that_has_moved_the_data_goes_through_and_no_other() -> None:
    seen({"major": 15.0}, {"major": 17.0}, environment={MOVED: "17"})
    with pytest.raises(pulumi.RunError):
        seen({"major": 15.0}, {"major": 16.0}, environment={MOVED: "17"})


def test_a_developers_data_are_thrown_away() -> None:
    assert "destroy it, and up again" in refusal(15, 17, "local", True, "")
    assert "make upgrade-postgres" not in refusal(15, 17, "local", True, "")


@pytest.mark.parametrize("stack", ["uat", "prod", "local"])
def test_the_state_remembers_the_major_version_of_the_image(stack: str) -> None:
    (component,) = [
        resource
        for resource in declared(stack).resources
        if resource.type == "jira-plus-plus:services:Postgres"
    ]
    assert component.inputs == {"major": 15}
