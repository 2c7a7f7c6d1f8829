"""Property values between the engine's protobuf form and plain Python, with secrets and unknowns.

Signatures and sentinels: `sdk/go/common/resource/sig/sig.go` of pulumi/pulumi.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

from operations import marks
from rehearsal.plugins.provider import UNKNOWN, Values

_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature, no password
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_UNKNOWNS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        marks.UNKNOWN,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_SHORTEST_TRACED = 8
"""Characters: an output that equals a shorter secret input under another name may do so by chance."""


@dataclass(frozen=True)
class Secret:
    """A value that the engine must encrypt in its state and hide in its output."""

    value: Any


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The engine's properties as Python values, with each secret inside a `Secret`."""
    return {name: _decode(value) for name, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        fields = value.struct_value.fields
        signature = fields[marks.SIGNATURE].string_value if marks.SIGNATURE in fields else ""
        if signature == _SECRET:
            return Secret(_decode(fields["value"]))
        if signature == _OUTPUT:
            inner = _decode(fields["value"]) if "value" in fields else UNKNOWN
            return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
        if signature == _RESOURCE:
            return _decode(fields["id"] if "id" in fields else fields["urn"])
        return {name: _decode(item) for name, item in fields.items()}
    return None


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Python values, with `Secret` and `UNKNOWN`, in the engine's form. A `None` property is left out."""
    struct = struct_pb2.Struct()
    for name, value in values.items():
        if value is not None:
            struct.fields[name].CopyFrom(_encode(value))
    return struct


def _encode(value: Any) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=marks.UNKNOWN)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, Secret):
        return struct_pb2.Value(struct_value=_secret_struct(value.value))
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
    raise TypeError(f"a property value of type {type(value).__name__} cannot be sent to the engine")


def _secret_struct(value: Any) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.fields[marks.SIGNATURE].string_value = _SECRET
    struct.fields["value"].CopyFrom(_encode(value))
    return struct


def plain(value: Any) -> Any:
    """The same value without its `Secret` wrappers."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_secret(value: Any) -> bool:
    """Whether a `Secret` stands anywhere inside."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(has_secret(item) for item in value.values())
    return isinstance(value, list) and any(has_secret(item) for item in value)


def secret_texts(value: Any, inside: bool = False) -> Iterator[str]:
    """Every string that stands inside a `Secret`."""
    if isinstance(value, Secret):
        yield from secret_texts(value.value, True)
    elif isinstance(value, dict):
        for item in value.values():
            yield from secret_texts(item, inside)
    elif isinstance(value, list):
        for item in value:
            yield from secret_texts(item, inside)
    elif inside and isinstance(value, str):
        yield value


def mark_secrets(
    outputs: Values, sources: Iterable[Mapping[str, Any]], always: Iterable[str] = ()
) -> dict[str, Any]:
    """Outputs with their secrecy: the names in `always`, what is secret under the same name in a source (the
    engine's own rule: a list is secret as a whole, an object by its parts), and any text that equals a secret
    of a source."""
    texts: set[str] = set()
    marked: dict[str, Any] = dict(outputs)
    for source in sources:
        texts.update(text for text in secret_texts(source) if len(text) >= _SHORTEST_TRACED)
        marked = _mark_by_name(marked, source)
    for name in always:
        if marked.get(name) is not None and not isinstance(marked[name], Secret):
            marked[name] = Secret(plain(marked[name]))
    return {name: _mark_by_text(value, texts) for name, value in marked.items()} if texts else marked


def _mark_by_name(outputs: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    marked = dict(outputs)
    for name, there in source.items():
        here = marked.get(name)
        if here is None or isinstance(here, Secret):
            continue
        if isinstance(here, dict) and isinstance(there, dict):
            marked[name] = _mark_by_name(here, there)
        elif has_secret(there):
            marked[name] = Secret(plain(here))
    return marked


def _mark_by_text(value: Any, texts: set[str]) -> Any:
    if isinstance(value, str):
        return Secret(value) if value in texts else value
    if isinstance(value, dict):
        return {name: _mark_by_text(item, texts) for name, item in value.items()}
    if isinstance(value, list):
        return [_mark_by_text(item, texts) for item in value]
    return value
