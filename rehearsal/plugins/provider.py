"""What a stand-in plugin is made of: a `Provider` with a table of `Resource`s, both on plain Python values.

Values are `dict`, `list`, `str`, `int`, `float`, `bool`, `None` and `UNKNOWN` (a value that is not known at
preview). Secretness never reaches a resource: the framework takes it off and puts it back on the outputs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

Values = dict[str, Any]


class Unknown(Enum):
    """The type of `UNKNOWN`, the one value that stands for «known only after the update»."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN


def has_unknown(value: object) -> bool:
    """Whether `UNKNOWN` stands anywhere inside `value`."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


class ProviderError(Exception):
    """A failed operation. Its text is shown as it is: it names what failed, and holds no secret."""


class InitFailed(ProviderError):
    """The resource exists (`resource_id`, `outputs` go into the state) but is not ready; `reason` is shown.

    The next update of it is tried again, and `up` fails.
    """

    def __init__(self, reason: str, resource_id: str, outputs: Values, inputs: Values | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.resource_id = resource_id
        self.outputs = outputs
        self.inputs = inputs


@dataclass(frozen=True)
class CheckFailure:
    """One mistake in a resource's inputs: the property's path (may be empty) and what is wrong with it."""

    property: str
    reason: str


class Kind(Enum):
    """How one property differs. Only whether it replaces is added by `Diff`."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass
class Diff:
    """What a change of inputs would do to a resource.

    `detailed` maps a property path (`rules[0].port`, `labels.v`) to its kind; a path whose first name, or
    which itself, is in `replaces` is shown as one that replaces. What was is looked up there in the old
    outputs, never in the old inputs: none of the official plugins says `inputDiff`. With `names_only` the
    engine is told just the names in it, and finds out the rest. `stables` never change while the resource
    lives.
    """

    changes: bool = False
    replaces: list[str] = field(default_factory=list)
    delete_before_replace: bool = False
    detailed: dict[str, Kind] = field(default_factory=dict)
    stables: list[str] = field(default_factory=list)
    names_only: bool = False

    @classmethod
    def between(
        cls, old: Values, new: Values, replaces: Iterable[str] = (), *, delete_before_replace: bool = False
    ) -> Diff:
        """The difference of two sets of inputs; a change of a name in `replaces` makes a new resource.

        An unknown new value counts as changed. Names that begin with `__` are the plugin's own and ignored.
        """
        detailed: dict[str, Kind] = {}
        changed: set[str] = set()
        for name in sorted(old.keys() | new.keys()):
            if name.startswith("__"):
                continue
            found = dict(compare(name, old.get(name), new.get(name)))
            if found:
                changed.add(name)
                detailed.update(found)
        return cls(
            changes=bool(detailed),
            replaces=sorted(changed & set(replaces)),
            delete_before_replace=delete_before_replace,
            detailed=detailed,
        )


def compare(path: str, old: object, new: object) -> Iterable[tuple[str, Kind]]:
    """The paths at which two values differ, and how."""
    if old is None and new is None:
        return
    if new is UNKNOWN:
        yield path, Kind.ADD if old is None else Kind.UPDATE
    elif old is None:
        yield path, Kind.ADD
    elif new is None:
        yield path, Kind.DELETE
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if not key.startswith("__"):
                yield from compare(f"{path}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from compare(
                f"{path}[{index}]",
                old[index] if index < len(old) else None,
                new[index] if index < len(new) else None,
            )
    elif type(old) is bool or type(new) is bool:
        if old is not new:
            yield path, Kind.UPDATE
    elif old != new:
        yield path, Kind.UPDATE


@dataclass(frozen=True)
class Autonaming:
    """The engine's wish for an automatic name (`pulumi:autonaming`): a proposal, and whether it is a must."""

    proposed: str
    mode: str  # "propose" | "enforce" | "disable"


@dataclass
class Call:
    """The request being served: whose it is, how long it may take, and whether it was cancelled."""

    urn: str = ""
    name: str = ""
    type: str = ""
    timeout: float = 0.0
    """Seconds that `customTimeouts` gives, or 0: the plugin's own default."""
    autonaming: Autonaming | None = None
    ignore_changes: tuple[str, ...] = ()
    cancelled: threading.Event = field(default_factory=threading.Event)
    logger: Any = None


_CALL: ContextVar[Call | None] = ContextVar("call", default=None)


def call() -> Call:
    """The request that this thread serves; an empty one outside of a request (a unit test)."""
    return _CALL.get() or Call()


def log(message: str, severity: str = "info", *, ephemeral: bool = False) -> None:
    """Show a line to the user beside the resource: `debug`, `info`, `warning` or `error`; secrets are masked.

    An ephemeral line is only shown while the update runs.
    """
    current = call()
    if current.logger is not None:
        current.logger(current.urn, message, severity, ephemeral)


def wait(seconds: float) -> None:
    """Sleep, but end at once with `ProviderError` when the engine cancels (Ctrl-C)."""
    if call().cancelled.wait(seconds):
        raise ProviderError("cancelled by the engine")


def autoname(
    olds: Values, random_seed: bytes, *, digits: int = 7, separator: str = "-", max_length: int = 0
) -> str:
    """The automatic name of the resource being checked: the one it has already, else `<name>-<digits hex>`.

    The hexadecimal digits come from the engine's seed, so that a preview and the update after it agree.
    Raises `ProviderError` where automatic names are switched off, or the name would be too long.
    """
    before = olds.get("name")
    if isinstance(before, str) and "name" in olds.get("__defaults", ["name"]):
        return before
    current = call()
    if current.autonaming is not None and current.autonaming.mode != "propose":
        if current.autonaming.mode == "disable":
            raise ProviderError("automatic naming is disabled but this resource requires an explicit name")
        return current.autonaming.proposed
    if current.autonaming is not None and current.autonaming.proposed:
        return current.autonaming.proposed
    return unique_name(current.name, random_seed, digits=digits, separator=separator, max_length=max_length)


def unique_name(
    prefix: str, random_seed: bytes, *, digits: int = 7, separator: str = "-", max_length: int = 0
) -> str:
    """`<prefix>-<digits hex>`, from the seed where there is one, else at random."""
    import hashlib
    import secrets

    source = hashlib.sha256(random_seed).hexdigest() if random_seed else secrets.token_hex(32)
    name = f"{prefix}{separator}{source[:digits]}"
    if max_length and len(name) > max_length:
        raise ProviderError(
            f"automatic name {name!r} has {len(name)} characters, {max_length} are allowed: set name"
        )
    return name


class Resource:
    """One kind of resource. Methods work on plain values; raise `ProviderError` or `InitFailed` to fail."""

    secret_outputs: frozenset[str] = frozenset()
    """Outputs that are always secret, whatever the inputs were."""

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        """The inputs with defaults filled in, and what is wrong with them. `news` may hold `UNKNOWN`."""
        return news, []

    def diff(self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values) -> Diff:
        """What `news` (checked, may hold `UNKNOWN`) would change."""
        return Diff.between(old_inputs, news)

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Make it: its id and outputs. At preview make nothing: id `""`, `UNKNOWN` for what is not known."""
        raise NotImplementedError

    def read(self, resource_id: str, inputs: Values, state: Values) -> tuple[str, Values, Values] | None:
        """What is really there: id, inputs, outputs; `None`: it is gone. On import both dicts are empty."""
        return resource_id, inputs, state

    def update(
        self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values, preview: bool
    ) -> Values:
        """Change it in place: its outputs. At preview change nothing."""
        raise NotImplementedError

    def delete(self, resource_id: str, inputs: Values, outputs: Values) -> None:
        """Take it away. That it is gone already is no error."""
        raise NotImplementedError


class Provider:
    """A plugin: its name, version, configuration, and resources by token (`hcloud:index/server:Server`).

    The framework makes one instance for each connection of an engine, so a configuration is never shared.
    """

    name: str = ""
    resources: Mapping[str, Resource] = {}
    secret_config: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        """That of the SDK which the program imports, as the official plugin's."""
        from importlib import metadata

        try:
            return metadata.version(f"pulumi-{self.name}")
        except metadata.PackageNotFoundError:
            return "0.0.0"

    def check_config(self, news: Values) -> tuple[Values, list[CheckFailure]]:
        """The provider's own inputs with defaults (environment variables), and what is wrong with them."""
        return news, []

    def diff_config(self, olds: Values, news: Values) -> Diff:
        """What a change of the provider's inputs means: an update and, as officially, no replacement."""
        return Diff.between(olds, news)

    def configure(self, config: Values) -> None:
        """Take the checked configuration, all of it known: otherwise the engine does not call."""

    def invoke(self, token: str, args: Values) -> Values:
        """Answer a function (`hcloud:index/getImage:getImage`)."""
        raise ProviderError(f"function {token} is not offered by the stand-in plugin {self.name}")

    def close(self) -> None:
        """The engine is done with this instance: let go of connections."""
