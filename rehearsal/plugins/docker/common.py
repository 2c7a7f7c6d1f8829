"""What the docker resources share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rehearsal.plugins.bridged import Bridged
from rehearsal.plugins.docker.engine import Engine, EngineError
from rehearsal.plugins.docker.registry import Registries
from rehearsal.plugins.provider import CheckFailure, InitFailed, ProviderError, Values, call
from rehearsal.plugins.shapes import Shape


class DockerResource(Bridged):
    """A resource with access to the engine, which is connected when the first of them needs it."""

    def __init__(
        self, shape: Shape, engine: Callable[[], Engine], registries: Callable[[], Registries]
    ) -> None:
        super().__init__(shape)
        self._engine = engine
        self._registries = registries

    @property
    def engine(self) -> Engine:
        """The connected engine."""
        try:
            return self._engine()
        except ProviderError as error:
            raise ProviderError(failed(str(error))) from None

    @property
    def registries(self) -> Registries:
        """The credentials for pulling images."""
        return self._registries()

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        """See `Bridged`. Parts of an object that have a default get it too."""
        inputs, failures = super().check(olds, news, random_seed)
        for name, wanted in self.shape.inputs.items():
            if name in inputs:
                inputs[name] = self._with_part_defaults(wanted.type, inputs[name])
        return inputs, failures

    def _with_part_defaults(self, wanted: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._with_part_defaults(wanted[1:-1], item) for item in value]
        if not isinstance(value, dict) or wanted not in self.shape.types:
            return value
        parts = self.shape.types[wanted]
        defaults = {name: part.default for name, part in parts.items() if part.default}
        return defaults | {
            name: self._with_part_defaults(parts[name].type, item) if name in parts else item
            for name, item in value.items()
        }

    def applied(self, plan: Values, found: Values) -> Values:
        """The state right after an apply: of a set, Terraform's SDK keeps the planned value."""
        state = {**plan, **found}
        for name, wanted in self.shape.inputs.items():
            if wanted.set and name in plan:
                state[name] = plan[name]
        return state

    def suppressed(self, name: str, old: Any, new: Any, news: Values) -> bool:
        """In parts of an object too, an empty value and an absent one are the same."""
        return bool(meaning(old) == meaning(new))


def meaning(value: Any) -> Any:
    """A value without what is empty in it, `None` if nothing is left."""
    if isinstance(value, dict):
        parts = {name: meaning(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(value, list):
        return [meaning(item) for item in value] or None
    return value or None


def failed(error: str) -> str:
    """An error in the form in which the official plugin prints those of its Terraform provider."""
    return f"1 error occurred:\n\t* {error}\n\n"


@contextmanager
def saying(what: str, ignore: tuple[str, ...] = ()) -> Iterator[None]:
    """Put what was tried before the engine's words; an answer that holds one of `ignore` is no error."""
    try:
        yield
    except EngineError as error:
        if not any(text.lower() in str(error).lower() for text in ignore):
            raise ProviderError(f"{what}: {error}") from None


@contextmanager
def making() -> Iterator[None]:
    """Nothing exists yet: a failure leaves nothing in the state."""
    try:
        yield
    except ProviderError as error:
        raise ProviderError(failed(str(error))) from None


@contextmanager
def existing(doing: str, resource_id: str, plan: Values) -> Iterator[None]:
    """It exists from here on: a failure keeps it in the state, as one that did not come up."""
    try:
        yield
    except ProviderError as error:
        raise InitFailed(f"{doing} {call().urn}: {failed(str(error))}", resource_id, plan) from None


@contextmanager
def deleting() -> Iterator[None]:
    """Name the resource in a failure to remove it."""
    try:
        yield
    except ProviderError as error:
        raise ProviderError(f"deleting {call().urn}: {failed(str(error))}") from None
