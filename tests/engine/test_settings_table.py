"""A change of each setting touches what it should and nothing else: `settings_table.py` on the real engine.

Rows whose effects have nothing in common are previewed together, as an engine run takes seconds. When such a
batch differs from what its rows say, each row is previewed alone and the message names those that are wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from components.settings import Settings
from components.settings.report import section_of
from components.settings.section import Section
from operations.deployment import PROJECT, Deployment, DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.effects import Effects, effects
from tests.engine.lab import ROOT, Lab
from tests.engine.settings_table import HETZNER, LEFT_OUT, ROWS, Row, followers

pytestmark = pytest.mark.engine

STACKS = (*HETZNER, "local")


def leaves(section: type[Section] = Settings, prefix: str = "") -> Iterator[str]:
    """The path of every setting."""
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is not None:
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@cache
def settings(stack: str) -> Settings:
    """What the stack file says."""
    values = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    sections = {key.removeprefix(f"{PROJECT}:"): value for key, value in values.items()}
    return Settings.model_validate_json(json.dumps(sections))


def value_of(stack: str, leaf: str) -> Any:
    """The stack's value of a leaf; None in a section that it does without."""
    found: Any = settings(stack)
    for name in leaf.split("."):
        found = getattr(found, name, None)
    return found


def rows_of(stack: str) -> list[Row]:
    """The rows to preview on the stack.

    Stacks run one program and differ in values: `uat` speaks for `prod` where the value is the same.
    """
    return [
        row
        for row in ROWS
        if stack in row.stacks
        and not (
            stack == "prod"
            and "uat" in row.stacks
            and value_of("uat", row.leaf) == value_of("prod", row.leaf)
        )
    ]


def batches(stack: str) -> list[list[Row]]:
    """The stack's rows, in as few groups as can be told apart: no two rows of a group share an effect."""
    groups: list[list[Row]] = []
    for row in rows_of(stack):
        fitting = (group for group in groups if all(_apart(row, other) for other in group))
        if (group := next(fitting, None)) is not None:
            group.append(row)
        else:
            groups.append([row])
    return groups


def _apart(one: Row, other: Row) -> bool:
    if one.refusal or other.refusal:
        return False
    for path in one.changes:
        if any(path == given or f"{path}.".startswith(f"{given}.") for given in other.changes):
            return False
    for name in one.effects.keys() & other.effects.keys():
        mine, theirs = one.effects[name].split(), other.effects[name].split()
        if len(mine) == 1 or len(theirs) == 1:
            return False
        if any(_overlap(this, that) for this in mine[1:] for that in theirs[1:]):
            return False
    return True


def _overlap(this: str, that: str) -> bool:
    """Whether two properties are the same, or one is a part of the other (`envs:PORT` of `envs`)."""
    return this == that or this.startswith(f"{that}:") or that.startswith(f"{this}:")


def expected(rows: list[Row]) -> Effects:
    """What the rows say, taken together."""
    merged: Effects = {}
    for row in rows:
        for name, effect in row.effects.items():
            merged[name] = _both(merged.get(name), effect)
    along = followers(merged)
    return along | {name: _both(along.get(name), effect) for name, effect in merged.items()}


def _both(one: str | None, other: str) -> str:
    if one is None:
        return other
    words = {*one.split(), *other.split()}
    sign = "±" if "±" in words else "~"
    return " ".join([sign, *sorted(words - {"±", "~"})])


@pytest.mark.parametrize(
    ("stack", "rows"),
    [
        pytest.param(stack, group, id=f"{stack}-{number}-{group[0].leaf}")
        for stack in STACKS
        for number, group in enumerate(batches(stack))
    ],
)
def test_a_change_of_a_setting_touches_what_it_should_and_nothing_else(
    stack: str, rows: list[Row], bring: Bring
) -> None:
    lab = bring(stack)
    deployment = lab.deployment(stack)
    if (difference := _difference(lab, deployment, stack, rows)) is None:
        return
    alone = {row.leaf: _difference(lab, deployment, stack, [row]) for row in rows}
    wrong = [f"{leaf}: {found}" for leaf, found in alone.items() if found is not None]
    pytest.fail("\n".join(wrong) if wrong else f"only together: {difference}")


def _difference(lab: Lab, deployment: Deployment, stack: str, rows: list[Row]) -> str | None:
    """How a preview of the rows' changes differs from what the rows say; None if it does not."""
    changes: dict[str, Any] = {}
    for row in rows:
        changes |= {path: _filled(stack, value) for path, value in row.changes.items()}
    lab.write(stack, changes)
    refusal = rows[0].refusal
    try:
        found = effects(deployment.preview())
    except DeploymentFailed as failure:
        if refusal and refusal in str(failure):
            return None
        return f"failed: {failure}"
    if refusal:
        return f"was not refused with {refusal!r}"
    wanted = expected(rows)
    lines = [
        f"{name} {found.get(name, 'is left alone')}, should be {wanted.get(name, 'left alone')}"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]
    return "; ".join(lines) or None


def _filled(stack: str, value: Any) -> Any:
    """With the stack's own label in place of `{web}`."""
    if isinstance(value, list):
        return [_filled(stack, item) for item in value]
    if isinstance(value, str) and "{web}" in value:
        config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
        return value.replace("{web}", config["jira-plus-plus:domain"]["web"])
    return value


def test_the_table_has_a_row_for_every_setting() -> None:
    named = {row.leaf for row in ROWS}
    tree = set(leaves())
    assert sorted(tree - named - LEFT_OUT.keys()) == [], (
        "add what a change of it touches to settings_table.py"
    )
    assert sorted((named | LEFT_OUT.keys()) - tree) == [], "settings_table.py names what is no setting"


def test_rows_are_only_taken_together_if_each_effect_tells_whose_it_is() -> None:
    for stack in STACKS:
        for group in batches(stack):
            said = [
                (name, word)
                for row in group
                for name, effect in row.effects.items()
                for word in (effect.split()[1:] or ["alone"])
            ]
            assert len(said) == len(set(said)), f"{stack}: {[row.leaf for row in group]}"
