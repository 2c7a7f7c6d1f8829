"""Turns what is wrong with a mapping into problems that a person can act on."""

import json
import re
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from components.settings.nearest import nearest
from components.settings.problem import NOT_SHOWN, NOTHING, Problem
from components.settings.secrets import SECRETS, looks_secret
from components.settings.section import Section

_LONGEST = 100
_WRONG_TYPE = {
    "string_type": ("is no text", "write it in quotes"),
    "int_type": ("is no whole number", "write it without quotes and without a fraction"),
    "int_from_float": ("is no whole number", "write it without a fraction"),
    "float_type": ("is no number", "write it without quotes"),
    "bool_type": ("is neither true nor false", "write true or false, without quotes"),
    "tuple_type": ("is no list", "write it as [first, second]"),
    "model_type": ("is no mapping", "write its keys below it, as Pulumi.README.md shows"),
    "too_short": ("is empty", "name at least one"),
}


@dataclass(frozen=True)
class Screen:
    """Shows values, except those that must not be seen.

    `secret_paths` are keys that are stored encrypted, `secret_values` what is known to be secret.
    """

    secret_paths: Collection[str] = ()
    secret_values: Collection[str] = ()

    def show(self, path: str, value: Any) -> str:
        """`value` as JSON, cut to a line; `(not shown)` if the path or the value is a secret."""
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            return "a mapping"
        if (
            path.split(".")[0] in self.secret_paths
            or looks_secret(path)
            or "PRIVATE KEY" in text
            or re.search(r"://[^/\s]*@", text)
            or any(secret in text for secret in self.secret_values if len(secret) >= 6)
        ):
            return NOT_SHOWN
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that `field` holds, if it holds one."""
    annotation = field.annotation
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return next((o for o in options if isinstance(o, type) and issubclass(o, Section)), None)


def description_of(section: type[Section], name: str) -> str:
    """What the field is. A field that only changes a default is described where it was first declared."""
    for ancestor in section.__mro__:
        field = ancestor.model_fields.get(name) if issubclass(ancestor, Section) else None
        if field and field.description:
            return field.description
    return name


def paths(section: type[Section], prefix: str = "") -> Iterator[str]:
    """Every path of the tree below `section`, e.g. `host.volume.size_gb`."""
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        yield path
        if inner := section_of(field):
            yield from paths(inner, f"{path}.")


def without_unknown(
    section: type[Section],
    raw: Mapping[str, Any],
    problems: dict[str, Problem],
    root: type[Section],
    prefix: str = "",
) -> dict[str, Any]:
    """`raw` without the keys that `section` does not know.

    Each of them goes to `problems`, under the path that was probably meant.
    """
    known = {}
    for name, value in raw.items():
        path = f"{prefix}{name}"
        if field := section.model_fields.get(name):
            inner = section_of(field)
            known[name] = (
                without_unknown(inner, value, problems, root, f"{path}.")
                if inner and isinstance(value, dict)
                else value
            )
            continue
        meant, remedy = _meant(section, name, root, prefix)
        problems[meant or path] = Problem(path, NOT_SHOWN, "is no setting", remedy)
    return known


def _meant(section: type[Section], name: str, root: type[Section], prefix: str) -> tuple[str | None, str]:
    siblings = [*section.model_fields, *(SECRETS if section is root else ())]
    if guess := nearest(name, siblings):
        return f"{prefix}{guess}", f"did you mean {prefix}{guess}?"
    if secret := nearest(f"{prefix.replace('.', '_')}{name}", SECRETS):
        return (
            None,
            f"if it is the secret {secret}, run `pulumi config set --secret {secret}`, and remove this",
        )
    elsewhere = [path for path in paths(root) if path.rpartition(".")[2] == name]
    if elsewhere:
        return None, f"did you mean {' or '.join(elsewhere)}?"
    return None, f"remove it, or use one of {', '.join(siblings)}"


def problems_of(
    error: ValidationError, section: type[Section], prefix: str, screen: Screen
) -> Iterator[Problem]:
    """The problems that `error`, raised by `section`, stands for."""
    for detail in error.errors(include_url=False):
        # Of a key that is wrong pydantic says so behind it.
        places = (p for p in detail["loc"] if p != "[key]")
        path = prefix + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in places)
        yield _problem(detail, section, path, screen)


def _problem(detail: ErrorDetails, section: type[Section], path: str, screen: Screen) -> Problem:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        description = _description(section, [str(p) for p in detail["loc"]])
        return Problem(path, NOTHING, "is required", f"add it ({description})")
    got = screen.show(path, detail["input"])
    if kind == "rule":
        return Problem(path, got, context["what"], context["remedy"])
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        listed = " or ".join([", ".join(choices[:-1]), choices[-1]] if choices[1:] else choices)
        return Problem(path, got, "is no choice here", f"use {listed}")
    what, remedy = _WRONG_TYPE.get(kind, (detail["msg"], "see Pulumi.README.md"))
    return Problem(path, got, what, remedy)


def _description(section: type[Section], location: list[str]) -> str:
    for name in location[:-1]:
        section = section_of(section.model_fields[name]) or section
    return description_of(section, location[-1])
