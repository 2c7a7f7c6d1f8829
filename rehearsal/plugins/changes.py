"""How one input differs, told as the bridge tells it (`detailed_diff.go` of pulumi-terraform-bridge)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.provider import UNKNOWN, Kind, compare
from rehearsal.plugins.sets import ZERO
from rehearsal.plugins.shapes import Field


def changes(
    name: str, wanted: Field, old: Any, new: Any, fields: Mapping[str, Field], given: Any
) -> dict[str, Kind]:
    """The paths at which two comparable values differ; `fields` are those of a list's elements, if any.

    A map differs by its keys, a list by its places; a set by elements that went (at their place in the state)
    and came (at their place in `given`, what the program gave), and as a whole where the bridge cannot tell
    which of those given one that came is.
    """
    if new is UNKNOWN:
        return dict(compare(name, old, new))
    if wanted.type.startswith("{"):
        return dict(compare(name, old or {}, new or {}))
    if old is None or new is None or not isinstance(old, list) or not isinstance(new, list):
        return dict(compare(name, old, new))
    if not old or not new:
        return {} if old == new else {name: Kind.DELETE if old else Kind.ADD}
    return _set_changes(name, old, new, fields, given) if wanted.set else dict(compare(name, old, new))


def _set_changes(
    name: str, old: list[Any], new: list[Any], fields: Mapping[str, Field], given: list[Any]
) -> dict[str, Kind]:
    gone = {index: item for index, item in enumerate(old) if item not in new}
    came: dict[int, Any] = {}
    for item in new:
        if item not in old:
            places = (i for i, one in enumerate(given) if i not in came and _is_given(item, one, fields))
            place = next(places, None)
            if place is None:
                return {name: Kind.UPDATE}
            came[place] = item
    found: dict[str, Kind] = {}
    for index in sorted(gone.keys() | came.keys()):
        path = f"{name}[{index}]"
        if index in gone and index in came and fields:
            found.update(compare(path, _filled(gone[index], fields), _filled(came[index], fields)))
        else:
            found[path] = _kind(index in gone, index in came)
    return found


def _is_given(planned: Any, given: Any, fields: Mapping[str, Field]) -> bool:
    """Whether the bridge sees that a planned element is one that was given (its `validInputsFromPlan`).

    It does not where a scalar was left out that has no default and is not left to the API: the plan has a
    zero there.
    """
    if not fields or not isinstance(given, Mapping):
        return bool(planned == given)
    return all(
        given[name] == planned.get(name, ZERO.get(field.type, []))
        if given.get(name) is not None
        else field.computed or field.default is not None or (field.type[0] in "[{" and not planned.get(name))
        for name, field in fields.items()
    )


def _filled(item: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """An element as Terraform's state has it: with a zero where nothing is."""
    return {name: item.get(name, ZERO.get(field.type, [])) for name, field in fields.items()}


def _kind(gone: bool, came: bool) -> Kind:
    if gone and came:
        return Kind.UPDATE
    return Kind.DELETE if gone else Kind.ADD


def whole(old: Any, new: Any) -> Kind:
    """How a scalar differs: one that was given at all is an update, even from or to `False`."""
    if new is None:
        return Kind.DELETE
    return Kind.ADD if old is None else Kind.UPDATE


def live(old: Any, found: Any, wanted: Field) -> Any:
    """What a refresh makes of an input: the same parts of it, with the values that were found.

    What the program did not give is not added; a set keeps the elements that are still there.
    """
    if isinstance(old, list) and isinstance(found, list):
        if wanted.set:
            return [item for item in old if any(_same(item, there) for there in found)]
        return [live(item, there, wanted) for item, there in zip(old, found, strict=False)]
    if isinstance(old, dict) and isinstance(found, dict):
        return {name: live(item, found[name], wanted) for name, item in old.items() if name in found}
    return found


def _same(given: Any, there: Any) -> bool:
    """Whether an element of a set is one that was given, which may say less and in another order."""
    if isinstance(given, dict) and isinstance(there, dict):
        return all(_same(value, there.get(name)) for name, value in given.items())
    if isinstance(given, list) and isinstance(there, list):
        return sorted(map(repr, given)) == sorted(map(repr, there))
    return bool(given == there) or (there is None and given in ("", 0, False))
