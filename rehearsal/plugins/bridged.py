"""Resources that behave as those of a bridged Terraform provider: check, plan and diff follow a `Shape`.

A diff compares the plan with the state, not the new inputs with the old ones: so a change made behind
Pulumi's back shows after a refresh, and an input that the provider leaves alone shows none.
"""

from __future__ import annotations

from typing import Any

from rehearsal.plugins import sets
from rehearsal.plugins.changes import changes, live, whole
from rehearsal.plugins.provider import (
    UNKNOWN,
    CheckFailure,
    Diff,
    Kind,
    Resource,
    Values,
    autoname,
    call,
    has_unknown,
)
from rehearsal.plugins.shapes import Field, Shape

DEFAULTS = "__defaults"
"""The input in which the bridge remembers which others it filled in; the engine does not show it."""


class Bridged(Resource):
    """A resource of one shape. What talks to the API is in `make`, `fetch`, `change` and `remove`."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.secret_outputs = shape.secret_outputs

    # -- to be written by a resource -----------------------------------------------------------------------

    def make(self, plan: Values) -> tuple[str, Values]:
        """Create it from the plan: its id and its state."""
        raise NotImplementedError

    def fetch(self, resource_id: str, state: Values) -> Values | None:
        """Its state as the API tells it now, or `None`. What the API does not tell is kept from `state`."""
        raise NotImplementedError

    def change(self, resource_id: str, state: Values, plan: Values, changed: set[str]) -> Values:
        """Change what is in `changed`, and answer the new state."""
        raise NotImplementedError

    def remove(self, resource_id: str, state: Values) -> None:
        """Delete it."""
        raise NotImplementedError

    def stored(self, name: str, value: Any) -> Any:
        """The form in which the state keeps an input."""
        return value

    def suppressed(self, name: str, old: Any, new: Any, news: Values) -> bool:
        """Whether this difference is no difference (Terraform's DiffSuppressFunc)."""
        return False

    def validate(self, inputs: Values) -> list[CheckFailure]:
        """What else is wrong with the inputs (which may hold `UNKNOWN`)."""
        return []

    # -- the engine's calls --------------------------------------------------------------------------------

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        """Coerce, name and fill in defaults as the bridge does."""
        inputs, failures = self.shape.coerce(news)
        defaults: list[str] = []
        if self.shape.autoname and "name" not in inputs:
            inputs["name"] = autoname(olds, random_seed, max_length=255)
            defaults.append("name")
        if not self.shape.framework:
            for name, wanted in self.shape.inputs.items():
                if wanted.default and name not in inputs:  # one that is false, empty or 0 goes without saying
                    inputs[name] = wanted.default
                    defaults.append(name)
        inputs[DEFAULTS] = sorted(defaults)
        if not failures:
            failures = self.validate(inputs)
        return inputs, failures

    def diff(self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values) -> Diff:
        """The plan against the state."""
        detailed = self._differences(old_outputs, self.plan(news, old_outputs), news)
        changed = {_first(path) for path in detailed}
        replaces = sorted(name for name in changed if self.shape.inputs[name].replaces)
        named = self.shape.autoname and "name" not in news.get(DEFAULTS, [])
        return Diff(
            changes=bool(detailed),
            replaces=replaces,
            delete_before_replace=bool(replaces) and named,
            detailed={**dict.fromkeys(self._unsettled(news) if detailed else (), Kind.UPDATE), **detailed},
            names_only=self.shape.framework,
        )

    def _unsettled(self, news: Values) -> list[str]:
        """What an update makes unknown."""
        return [name for name in self.shape.volatile if news.get(name) is None]

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Make it, or at preview answer the plan."""
        plan = self.plan(inputs, None)
        if preview:
            return "", plan
        return self.make(known(plan))

    def read(self, resource_id: str, inputs: Values, state: Values) -> tuple[str, Values, Values] | None:
        """Refresh (with inputs and state) or import (with neither)."""
        found = self.fetch(resource_id, state)
        if found is None:
            return None
        return found.get("id", resource_id), self._live_inputs(inputs, state, found), found

    def update(
        self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values, preview: bool
    ) -> Values:
        """Change it in place, or at preview answer the plan."""
        plan = self.plan(news, old_outputs)
        if preview:
            return {**plan, **dict.fromkeys(self._unsettled(news), UNKNOWN)}
        changed = {_first(path) for path in self._differences(old_outputs, plan, news)}
        return self.change(resource_id, old_outputs, known(plan), changed)

    def delete(self, resource_id: str, inputs: Values, outputs: Values) -> None:
        """Take it away."""
        self.remove(resource_id, outputs)

    # -- plan and state ------------------------------------------------------------------------------------

    def plan(self, news: Values, state: Values | None) -> Values:
        """What the state would become: inputs with defaults; for the rest the state, `UNKNOWN` where there is
        none."""
        plan: Values = {"id": UNKNOWN} if state is None else {}
        if state is not None and "id" in state:
            plan["id"] = state["id"]
        for name, wanted in self.shape.inputs.items():
            if news.get(name) is not None:
                plan[name] = self._planned(name, wanted, news[name])
                if state is None or not self._is_stated(wanted, plan[name], state.get(name)):
                    plan[name] = self._planned(name, wanted, news[name], new=True)
            elif wanted.default is not None:
                plan[name] = wanted.default
            elif wanted.computed:
                self._keep(plan, name, state)
        for name in self.shape.outputs:
            self._keep(plan, name, state)
        return plan

    def _is_stated(self, wanted: Field, planned: Any, stated: Any) -> bool:
        """Whether the state says the same, but for what the API decided."""
        decided = {
            name for name, field in self.shape.types.get(wanted.type[1:-1], {}).items() if field.computed
        }
        if not decided or not isinstance(planned, list) or not isinstance(stated, list):
            return True
        given = [
            {name: item.get(name) for name in item.keys() - (decided - plan.keys())}
            for plan, item in zip(planned, stated, strict=False)
        ]
        return len(planned) == len(stated) and self._comparable(wanted, planned) == self._comparable(
            wanted, given
        )

    @staticmethod
    def _keep(plan: Values, name: str, state: Values | None) -> None:
        if state is None:
            plan[name] = UNKNOWN
        elif name in state:
            plan[name] = state[name]

    def _planned(self, name: str, wanted: Field, value: Any, *, new: bool = False) -> Any:
        if value is UNKNOWN or _is_flat_with_unknown(value):
            return UNKNOWN
        return self.stored(name, self.arranged(wanted, self._with_nested_defaults(wanted.type, value, new)))

    def _with_nested_defaults(self, wanted: str, value: Any, new: bool) -> Any:
        if isinstance(value, list) and wanted.startswith("["):
            return [self._with_nested_defaults(wanted[1:-1], item, new) for item in value]
        if isinstance(value, dict) and wanted in self.shape.types:
            fields = self.shape.types[wanted]
            filled = {name: field.default for name, field in fields.items() if field.default is not None}
            filled.update({name: UNKNOWN for name, field in fields.items() if field.computed and new})
            given = {
                name: self._with_nested_defaults(fields[name].type, item, new) for name, item in value.items()
            }
            return {**filled, **given}
        return value

    def arranged(self, wanted: Field, value: Any) -> Any:
        """A value with each set in it, however deep, in the SDK's order."""
        if not isinstance(value, list):
            return value
        element = wanted.type[1:-1]
        if element in self.shape.types:
            fields = self.shape.types[element]
            value = [
                {key: self.arranged(fields[key], inner) for key, inner in item.items()}
                if isinstance(item, dict)
                else item
                for item in value
            ]
        return sets.ordered(value, element, self.shape.types) if wanted.set else value

    def _differences(self, state: Values, plan: Values, news: Values) -> dict[str, Kind]:
        ignored = {_first(path) for path in call().ignore_changes}
        detailed: dict[str, Kind] = {}
        for name, wanted in self.shape.inputs.items():
            if name in ignored:
                continue
            old, new = self._comparable(wanted, state.get(name)), self._comparable(wanted, plan.get(name))
            fields = self.shape.types.get(wanted.type[1:-1], {})
            found = changes(name, wanted, old, new, fields, news.get(name) or [])
            if found and not self.suppressed(name, old, new, news):
                scalar = found.keys() == {name} and not isinstance(plan.get(name), dict | list)
                detailed.update({name: whole(state.get(name), plan.get(name))} if scalar else found)
        return detailed

    def _comparable(self, wanted: Field, value: Any) -> Any:
        """A value in which what means the same is the same: the order of a set, and (in the SDK) empty and
        absent."""
        value = self.arranged(wanted, value)
        if value is None:
            return wanted.default if wanted.default not in (False, "", 0) else None
        if self.shape.framework:
            return value
        if isinstance(value, list):
            element = wanted.type[1:-1]
            value = [_without_empty(item) if element in self.shape.types else item for item in value]
        return None if value in ("", False, 0) or value == [] or value == {} else value

    def _live_inputs(self, inputs: Values, state: Values, found: Values) -> Values:
        if not inputs and not state:
            given = {
                name: found[name]
                for name, wanted in self.shape.inputs.items()
                if found.get(name) not in (None, "", [], {}) and found[name] != wanted.default
            }
            return {**given, DEFAULTS: []}
        result: Values = {}
        for name, value in inputs.items():
            if name == DEFAULTS or has_unknown(value):
                continue
            wanted = self.shape.inputs.get(name)
            if wanted is None or found.get(name) is None:
                continue
            planned = self._comparable(wanted, self._planned(name, wanted, value))
            same = planned == self._comparable(wanted, found[name])
            kept = same or self.stored(name, value) != value
            result[name] = value if kept else live(value, found[name], wanted)
        result[DEFAULTS] = [name for name in inputs.get(DEFAULTS, []) if result.get(name) == inputs.get(name)]
        return result


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if item not in (None, "", 0) and item != []}


def _is_flat_with_unknown(value: Any) -> bool:
    """A list of scalars of which one is unknown: unknown as a whole, as in Terraform."""
    return isinstance(value, list) and UNKNOWN in value


def known(value: Any) -> Any:
    """The same without what is unknown in it: what the API is left to decide."""
    if isinstance(value, dict):
        return {name: known(item) for name, item in value.items() if item is not UNKNOWN}
    return [known(item) for item in value] if isinstance(value, list) else value


def _first(path: str) -> str:
    return path.split(".", 1)[0].split("[", 1)[0]
