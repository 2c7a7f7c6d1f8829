"""What the Hetzner resources share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rehearsal.plugins.bridged import Bridged
from rehearsal.plugins.hcloud.api import Api, ApiError
from rehearsal.plugins.provider import InitFailed, ProviderError, Values
from rehearsal.plugins.shapes import Shape


class HetznerResource(Bridged):
    """A resource with access to the API, which is there once the provider is configured."""

    def __init__(self, shape: Shape, api: Callable[[], Api]) -> None:
        super().__init__(shape)
        self._api = api

    @property
    def api(self) -> Api:
        """The configured client."""
        return self._api()

    def finish(self, resource_id: str, plan: Values, steps: Callable[[], Values]) -> tuple[str, Values]:
        """Run what follows once the resource exists; when that fails, keep it in the state as not ready."""
        try:
            return resource_id, steps()
        except InitFailed:
            raise
        except ProviderError as error:
            raise InitFailed(str(error), resource_id, {**plan, "id": resource_id}) from error


def given(**values: Any) -> Values:
    """The values that are not empty, as hcloud-go leaves empty ones out of a request."""
    return {
        name: value for name, value in values.items() if value not in (None, "", 0) and value not in ([], {})
    }


def is_locked(error: ApiError) -> bool:
    """The API works on the thing still."""
    return error.code == "locked"


def gone(resource: str, resource_id: str) -> ProviderError:
    """The error for a change of something that is no longer there."""
    return ProviderError(f"{resource} {resource_id} not found: run pulumi refresh")
