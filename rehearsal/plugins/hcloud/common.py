"""What the Hetzner resources share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rehearsal.plugins.bridged import Bridged
from rehearsal.plugins.hcloud.api import Api, ApiError
from rehearsal.plugins.provider import CheckFailure, InitFailed, ProviderError, Values, call
from rehearsal.plugins.shapes import Shape

_ALNUM = "[a-z0-9A-Z]"
_LABEL_NAME = re.compile(
    rf"({_ALNUM}([-_.a-z0-9A-Z]{{0,253}}{_ALNUM})?/)?{_ALNUM}([-_.a-z0-9A-Z]{{0,61}}{_ALNUM})?"
)
_LABEL_VALUE = re.compile(rf"(({_ALNUM}[-_.a-z0-9A-Z]{{0,61}})?{_ALNUM})?")

_UNEXPECTED = "API request failed: An unexpected error was encountered during an API request."
_INVALID = (
    "Invalid field in API request: An invalid field was encountered during an API request. "
    "The field might not map 1:1 to your terraform resource."
)


class HetznerResource(Bridged):
    """A resource with access to the API, which is there once the provider is configured."""

    def __init__(self, shape: Shape, api: Callable[[], Api]) -> None:
        super().__init__(shape)
        self._api = api

    @property
    def api(self) -> Api:
        """The configured client."""
        return self._api()

    # -- what failed, in the words of the official plugin --------------------------------------------------

    def check(self, olds: Values, news: Values, random_seed: bytes) -> tuple[Values, list[CheckFailure]]:
        """With the property's path in the reason."""
        inputs, failures = super().check(olds, news, random_seed)
        return inputs, [self._located(failure) for failure in failures]

    def validate(self, inputs: Values) -> list[CheckFailure]:
        """Labels are of the form that the API wants."""
        labels = inputs.get("labels")
        return [
            CheckFailure("labels", reason) for reason in mistakes(labels if isinstance(labels, dict) else {})
        ]

    @staticmethod
    def _located(failure: CheckFailure) -> CheckFailure:
        if not failure.property:
            return failure
        return CheckFailure("", f"{failure.reason}. Examine values at '{call().name}.{failure.property}'.")

    def create(self, inputs: Values, preview: bool) -> tuple[str, Values]:
        """Make it; one that came to be but not to be ready is kept."""
        with self.telling("creating", outright=True):
            return super().create(inputs, preview)

    def read(self, resource_id: str, inputs: Values, state: Values) -> tuple[str, Values, Values] | None:
        """Look at it."""
        with self.telling("refreshing"):
            return super().read(resource_id, inputs, state)

    def update(
        self, resource_id: str, old_inputs: Values, old_outputs: Values, news: Values, preview: bool
    ) -> Values:
        """Change it; a failed change leaves the old state, so that the next update tries again."""
        with self.telling("updating"):
            try:
                return super().update(resource_id, old_inputs, old_outputs, news, preview)
            except InitFailed:
                raise
            except ProviderError as error:
                if self.shape.framework:
                    raise
                raise InitFailed(_enriched(error), resource_id, old_outputs) from error

    def delete(self, resource_id: str, inputs: Values, outputs: Values) -> None:
        """Take it away."""
        with self.telling("deleting"):
            super().delete(resource_id, inputs, outputs)

    @contextmanager
    def telling(self, doing: str, *, outright: bool = False) -> Iterator[None]:
        """Turn an error into the official plugin's words; `outright` where the resource does not exist
        yet."""
        try:
            yield
        except InitFailed as failure:
            if self.shape.framework:
                raise
            reason = f"{doing} {call().urn}: {_numbered(failure.reason)}"
            raise InitFailed(reason, failure.resource_id, failure.outputs) from failure
        except ProviderError as error:
            if self.shape.framework:
                raise ProviderError(_detailed(error)) from error
            text = _numbered(_enriched(error))
            raise ProviderError(text if outright else f"{doing} {call().urn}: {text}") from error

    def present(self, kind: str, path: str, resource_id: str, plan: Values) -> dict[str, Any]:
        """The thing that is about to be changed.

        If it cannot be read, the state takes the plan as done, so that nothing will be changed at the next
        update either: a fault of the official plugin (it fails before it says `d.Partial(true)`), kept here
        on purpose.
        """
        try:
            found = self.api.find(path)
        except ProviderError as error:
            raise InitFailed(_enriched(error), resource_id, plan) from error
        if found is None:
            raise gone(kind, resource_id)
        return dict(found[kind])

    def finish(self, resource_id: str, plan: Values, steps: Callable[[], Values]) -> tuple[str, Values]:
        """Run what follows once the resource exists; when that fails, keep it in the state as not ready.

        The official plugin forgets a resource of the newer framework then, which stays behind: so does this
        one.
        """
        try:
            return resource_id, steps()
        except InitFailed:
            raise
        except ProviderError as error:
            if self.shape.framework:
                raise
            raise InitFailed(_enriched(error), resource_id, {**plan, "id": resource_id}) from error


def given(**values: Any) -> Values:
    """The values that are not empty, as hcloud-go leaves empty ones out of a request."""
    return {
        name: value for name, value in values.items() if value not in (None, "", 0) and value not in ([], {})
    }


def mistakes(labels: Values) -> Iterable[str]:
    """What is wrong with labels (`hcloud/labels.go` of hcloud-go)."""
    for name, value in labels.items():
        if not _LABEL_NAME.fullmatch(name):
            yield f"label key '{name}' is not correctly formatted"
        elif isinstance(value, str) and not _LABEL_VALUE.fullmatch(value):
            yield f"label value '{value}' (key: {name}) is not correctly formatted"


def _numbered(message: str) -> str:
    return f"1 error occurred:\n\t* {message}\n\n"


def _enriched(error: ProviderError) -> str:
    """An error in the words of the resources that are built on Terraform's SDK."""
    if not isinstance(error, ApiError) or not error.fields:
        return str(error)
    fields = " ".join(f"{name} => [{' '.join(messages)}]" for name, messages in error.fields.items())
    return f"{error}: [{fields}]"


def _detailed(error: ProviderError) -> str:
    """An error in the words of the resources that are built on Terraform's newer framework."""
    if not isinstance(error, ApiError) or not error.code:
        return f"{_UNEXPECTED}\n\n{error}\n"
    coded = f"Error code: {error.code}\nStatus code: {error.status}\n"
    if not error.fields:
        return f"{_UNEXPECTED}\n\n{error}\n\n{coded}"
    return "\n".join(
        f"{_INVALID}\n\n{error}\n\nField: {name}\nMessages:\n"
        + "".join(f" - {message}\n" for message in messages)
        + coded
        for name, messages in error.fields.items()
    )


def is_locked(error: ApiError) -> bool:
    """The API works on the thing still."""
    return error.code == "locked"


def gone(resource: str, resource_id: str) -> ProviderError:
    """The error for a change of something that is no longer there."""
    return ProviderError(f"{resource} {resource_id} not found: run pulumi refresh")
