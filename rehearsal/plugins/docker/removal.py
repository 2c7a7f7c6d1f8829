"""Removing what may still be in use: try again every 5 s for 30 s, as the official provider does."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.plugins.docker.engine import EngineError
from rehearsal.plugins.provider import ProviderError, wait

_SECONDS = 30
_SECONDS_BETWEEN_TRIES = 5


def remove_when_free(remove: Callable[[], None], in_use: str, state: str) -> None:
    """Call `remove` until the engine no longer answers `in_use`; that it is gone already is no error.

    `state` is what the official provider calls the time in between. Raises `ProviderError` after 30 s.
    """
    waited = 0
    while True:
        try:
            remove()
        except EngineError as error:
            if error.missing:
                return
            if in_use not in str(error):
                raise
            if waited >= _SECONDS:
                raise ProviderError(
                    "timeout while waiting for state to become 'removed' "
                    f"(last state: '{state}', timeout: 30s): {error}"
                ) from None
            wait(_SECONDS_BETWEEN_TRIES)
            waited += _SECONDS_BETWEEN_TRIES
        else:
            return
