"""Shapes: what a bridged resource accepts and answers, read from a plugin's `shapes.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.plugins.provider import UNKNOWN, CheckFailure


@dataclass(frozen=True)
class Field:
    """One input: `type` is a name, `[type]`, `{type}` (a map), or the name of a nested type; `any` is not
    looked at.

    `computed`: the API decides when it is not given. `set`: a list whose order means nothing.
    """

    type: str
    required: bool = False
    replaces: bool = False
    computed: bool = False
    secret: bool = False
    set: bool = False
    default: Any = None


@dataclass(frozen=True)
class Shape:
    """A resource type: its inputs, its outputs that are never inputs, and whether the engine names it
    (`autoname`).

    `framework`: built on Terraform's newer plugin framework, where a default is filled in at the plan and
    does not stand among the inputs; otherwise on its SDK, where an empty value and an absent one are the
    same. `volatile`: what the API decides, and may decide anew at each update: unknown in its preview.
    """

    token: str
    inputs: Mapping[str, Field]
    outputs: tuple[str, ...] = ()
    secret_outputs: frozenset[str] = frozenset()
    autoname: bool = False
    framework: bool = False
    volatile: frozenset[str] = frozenset()
    types: Mapping[str, Mapping[str, Field]] = field(default_factory=dict)

    def coerce(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[CheckFailure]]:
        """The inputs in the types that the API wants, and what is missing, unexpected or of a wrong type."""
        failures: list[CheckFailure] = []
        result = self._coerce_object("", values, self.inputs, failures)
        return result, failures

    def _coerce_object(
        self, path: str, values: Mapping[str, Any], fields: Mapping[str, Field], failures: list[CheckFailure]
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        prefix = f"{path}." if path else ""
        for name, value in values.items():
            if name.startswith("__") or value is None:
                continue
            if name not in fields:
                known = ", ".join(sorted(fields))
                failures.append(
                    CheckFailure(prefix + name, f"Unexpected property '{prefix}{name}': there are {known}")
                )
                continue
            result[name] = self._coerce(prefix + name, value, fields[name].type, failures)
        for name, wanted in fields.items():
            if wanted.required and name not in result and not (self.autoname and prefix + name == "name"):
                failures.append(CheckFailure("", f"Missing required property '{prefix}{name}'"))
        return result

    def _coerce(self, path: str, value: Any, wanted: str, failures: list[CheckFailure]) -> Any:
        if value is UNKNOWN or wanted == "any":
            return value
        if wanted.startswith("[") and isinstance(value, list):
            return [
                self._coerce(f"{path}[{index}]", item, wanted[1:-1], failures)
                for index, item in enumerate(value)
            ]
        if wanted.startswith("{") and isinstance(value, dict):
            return {
                name: self._coerce(f"{path}.{name}", item, wanted[1:-1], failures)
                for name, item in value.items()
            }
        if wanted in self.types and isinstance(value, dict):
            return self._coerce_object(path, value, self.types[wanted], failures)
        converted = _scalar(value, wanted)
        if converted is None:
            failures.append(CheckFailure(path, f"expected {wanted} for '{path}', got {type(value).__name__}"))
            return value
        return converted


def _scalar(value: Any, wanted: str) -> Any:
    """The value as a `wanted` scalar, by the conversions that the bridge allows, or `None`."""
    if wanted == "string":
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, str | int | float) else None
    if wanted == "boolean":
        return (
            {"true": True, "false": False}.get(value)
            if isinstance(value, str)
            else value
            if isinstance(value, bool)
            else None
        )
    if wanted in ("integer", "number"):
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return value if wanted == "number" or isinstance(value, int) else None
        try:
            return int(value) if isinstance(value, str) else None
        except ValueError:
            return None
    return None


def load(path: Path) -> dict[str, Shape]:
    """All shapes of a plugin, by token."""
    document = json.loads(path.read_text(encoding="utf-8"))
    types = {name: _fields(fields) for name, fields in document.get("types", {}).items()}
    return {shape.token: shape for shape in _shapes(document["resources"], types)}


def _shapes(resources: Mapping[str, Any], types: Mapping[str, Mapping[str, Field]]) -> Iterator[Shape]:
    for token, entry in resources.items():
        yield Shape(
            token=token,
            inputs=_fields(entry["inputs"]),
            outputs=tuple(entry.get("outputs", ())),
            secret_outputs=frozenset(entry.get("secret_outputs", ())),
            autoname=entry.get("autoname", False),
            framework=entry.get("framework", False),
            volatile=frozenset(entry.get("volatile", ())),
            types=types,
        )


def _fields(entries: Mapping[str, Any]) -> dict[str, Field]:
    return {name: Field(**entry) for name, entry in entries.items()}
