"""The tables of all settings: `python -m components.settings.reference` writes them into Pulumi.README.md."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from components.settings.report import description_of, section_of
from components.settings.section import Section
from components.settings.tree import Settings

README = Path("Pulumi.README.md")
HEAD = "| path | value | default | what |\n|---|---|---|---|\n"
START, END = "<!-- settings: start -->\n", "<!-- settings: end -->\n"
_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def table() -> str:
    """One Markdown table a section of the tree."""
    parts = []
    for name, field in Settings.model_fields.items():
        section = section_of(field)
        assert section is not None, "every field of the tree is a section"
        title = (section.__doc__ or "").strip()
        optional = "" if field.is_required() else " Optional."
        rows = "\n".join(f"| {' | '.join(row)} |" for row in _rows(section, f"{name}."))
        parts.append(f"### `{name}`\n\n{title}{optional}\n\n{HEAD}{rows}\n")
    return "\n".join(parts)


def _rows(section: type[Section], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        if inner := section_of(field):
            yield from _rows(inner, f"{path}.")
        else:
            yield f"`{path}`", _value(field.annotation), _default(field), description_of(section, name)


def _value(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _value(next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal:
        return " \\| ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        return f"list of {_value(arguments[0])}"
    if origin is dict:
        return f"mapping of names to {_value(arguments[1])}"
    if hasattr(annotation, "__metadata__"):
        return _value(arguments[0])
    return _NAMES[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    match field.default:
        case None | ():
            return ""
        case tuple() as items:
            return f"`[{', '.join(map(str, items))}]`"
        case bool() as flag:
            return f"`{str(flag).lower()}`"
        case value:
            return f"`{value}`"


def inserted(readme: str) -> str:
    """`readme` with the table between its two marks."""
    before, _, rest = readme.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{table()}{END}{after}"


if __name__ == "__main__":
    README.write_text(inserted(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote {README}\n")
