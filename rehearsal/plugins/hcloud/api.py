"""The Hetzner Cloud API as hcloud-go speaks it: which errors are tried again, and how an action is
awaited."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from rehearsal.plugins.provider import ProviderError, wait
from rehearsal.plugins.rest import Answer, Dropped, Rest

Result = TypeVar("Result")

_RETRIED_CODES = frozenset({"conflict", "rate_limit_exceeded", "bad_gateway", "timeout"})
_RETRIED_STATUS = frozenset({502, 504})
_RETRIES = 5
_LONGEST_PAUSE_SECONDS = 60.0
_ACTIONS_A_POLL = 25

TRIES = 5
"""How often the provider itself tries an operation that the API refuses for now
(`control.DefaultRetries`)."""


class ApiError(ProviderError):
    """An error body of the API: `code` as documented, `""` where the response had no such body.

    `fields` maps each input that is wrong to what is wrong with it.
    """

    def __init__(
        self, message: str, code: str, status: int, fields: Mapping[str, list[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.fields = fields or {}


class Api:
    """A client; `poll_seconds` is the first pause between two looks at a running action, doubled each time
    unless `constant`."""

    def __init__(self, rest: Rest, *, poll_seconds: float = 0.5, constant: bool = False) -> None:
        self._rest = rest
        self._poll_seconds = poll_seconds
        self._constant = constant

    def get(self, path: str, **query: Any) -> Any:
        """GET, with the query's names in order."""
        text = f"?{urlencode(sorted(query.items()))}" if query else ""
        return self.request("GET", path + text)

    def find(self, path: str) -> Any | None:
        """GET of one thing: `None` if there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.code == "not_found":
                return None
            raise

    def post(self, path: str, body: Any = None) -> Any:
        """POST; an action without parameters has no body."""
        return self.request("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """PUT."""
        return self.request("PUT", path, body)

    def remove(self, path: str) -> Any:
        """DELETE."""
        return self.request("DELETE", path)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The body of the answer. Raises `ApiError`, or `ProviderError` when the connection fails."""
        for retry in range(_RETRIES + 1):
            try:
                answer = self._rest.send(method, path, body)
                if answer.status < 400:
                    return answer.body
                error: ProviderError = _error(answer)
                again = _again(error)
            except Dropped as dropped:
                error, again = ProviderError(str(dropped)), dropped.timed_out
            if not again or retry == _RETRIES:
                raise error
            wait(_pause(retry, 1.0, jitter=True))
        raise AssertionError("unreachable")

    def wait_for(self, *actions: Mapping[str, Any] | None) -> None:
        """Return when all these actions succeeded; raise with the error of the first that did not."""
        running: set[int] = set()
        for action in actions:
            if action is not None and _is_running(action):
                running.add(action["id"])
        polls = 0
        while running:
            wait(self._poll_seconds if self._constant else _pause(polls, self._poll_seconds, jitter=False))
            polls += 1
            updates = [update for chunk in _chunks(sorted(running)) for update in self._actions(chunk)]
            missing = running - {update["id"] for update in updates}
            if missing:
                raise ProviderError(f"actions not found: {sorted(missing)}")
            running -= {update["id"] for update in updates if not _is_running(update)}

    def _actions(self, ids: list[int]) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        page: int | None = 1
        while page:
            query = [*(("id", number) for number in ids), ("page", page), ("sort", "status"), ("sort", "id")]
            body = self.request("GET", f"/actions?{urlencode(query)}")
            found.extend(body["actions"])
            page = ((body.get("meta") or {}).get("pagination") or {}).get("next_page")
        return found

    @staticmethod
    def retry(
        operation: Callable[[], Result], *, tries: int = TRIES, when: Callable[[ApiError], bool]
    ) -> Result:
        """Try again, after 1, 2, 4, … seconds, while the API refuses with an error that `when` holds to
        pass."""
        for attempt in range(tries):
            try:
                return operation()
            except ApiError as error:
                if not when(error):
                    raise
                last = error
                wait(_pause(attempt, 1.0, jitter=False))
        raise last


def _is_running(action: Mapping[str, Any]) -> bool:
    if action["status"] == "error":
        error = action.get("error") or {}
        message, code = error.get("message", "unknown error"), error.get("code", "unknown_error")
        raise ApiError(f"{message} ({code}, {action['id']})", code, 0)
    return bool(action["status"] == "running")


def _error(answer: Answer) -> ApiError:
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if not isinstance(error, dict) or not (error.get("code") or error.get("message")):
        return ApiError(f"hcloud: server responded with status code {answer.status}", "", answer.status)
    code = str(error.get("code", ""))
    correlation = answer.headers.get("x-correlation-id", "")
    text = f"{error.get('message', '')} ({code}{', ' + correlation if correlation else ''})"
    wrong = (error.get("details") or {}).get("fields") or [] if code == "invalid_input" else []
    fields = {str(entry.get("name")): list(entry.get("messages") or []) for entry in wrong}
    return ApiError(text, code, answer.status, fields)


def _again(error: ProviderError) -> bool:
    if not isinstance(error, ApiError):
        return False
    return error.code in _RETRIED_CODES if error.code else error.status in _RETRIED_STATUS


def _pause(retries: int, base: float, *, jitter: bool) -> float:
    pause = min(_LONGEST_PAUSE_SECONDS, base * 2.0**retries)
    return (pause - base) * random.random() + base if jitter else pause  # noqa: S311 - spreads load, guards nothing


def _chunks(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + _ACTIONS_A_POLL] for start in range(0, len(ids), _ACTIONS_A_POLL))
