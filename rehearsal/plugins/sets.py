"""The order in which Terraform's SDK lists the elements of a set, and so the order in which its providers
send them.

An element's place is its CRC-32 over a fixed serialization (`helper/schema/serialize.go`), sorted as text.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from rehearsal.plugins.provider import has_unknown
from rehearsal.plugins.shapes import Field

ZERO: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}


def ordered(elements: list[Any], element: str, types: Mapping[str, Mapping[str, Field]]) -> list[Any]:
    """The elements without doubles, in the SDK's order; as they are while one of them is not known yet."""
    if has_unknown(elements):
        return elements
    by_code = {_code(_member(item, element, types, top=True)): item for item in elements}
    return [by_code[code] for code in sorted(by_code)]


def _code(text: str) -> str:
    return str(zlib.crc32(text.encode()))


def _member(value: Any, element: str, types: Mapping[str, Mapping[str, Field]], *, top: bool = False) -> str:
    if element in types:
        inner = _object(value, types[element], types)
        return inner if top else f"<{inner}>;"
    return _value(value, element, types)


def _object(
    value: Mapping[str, Any], fields: Mapping[str, Field], types: Mapping[str, Mapping[str, Field]]
) -> str:
    parts = []
    for name in sorted(fields, key=_snake):
        wanted = fields[name]
        given = value.get(name)
        if wanted.set:
            element = wanted.type[1:-1]
            text = "".join(_member(item, element, types) for item in ordered(given or [], element, types))
            parts.append(f"{_snake(name)}:{{{text}}};")
        else:
            absent = [] if wanted.type.startswith("[") else ZERO.get(wanted.type)
            parts.append(f"{_snake(name)}:{_value(absent if given is None else given, wanted.type, types)}")
    return "".join(parts)


def _value(value: Any, wanted: str, types: Mapping[str, Mapping[str, Field]]) -> str:
    if value is None:
        return ";"
    if isinstance(value, bool):
        return f"{int(value)};"
    if isinstance(value, list):
        return "(" + "".join(_member(item, wanted[1:-1], types) for item in value) + ");"
    return f"{value};"


def _snake(name: str) -> str:
    """`sourceIps` is `source_ips` in the provider beneath."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
