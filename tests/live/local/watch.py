"""Someone who uses the stack all the time, and notes each answer that was none."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import httpx

from tests.live.explaining import shown
from tests.playbook.target import Target

PAUSE = 0.03


class Watch:
    """Asks API and web in turn, over new connections and over one that stays, until the block ends."""

    def __init__(self, target: Target, *more: tuple[str, str]) -> None:
        """`more`: names and paths that are asked as well."""
        self._target = target
        self._asked = (("api", "/health"), ("api", "/graphql?query=%7B__typename%7D"), ("web", "/"), *more)
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(kept,)) for kept in (True, False)]
        self.asked = 0
        self.lost: list[str] = []
        self.said: set[str] = set()
        """What the web application's page was, each once."""

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
        if self.lost:  # it is gone before anyone can look
            prefix = f"jira-{self._target.stack}"
            proxy = f"docker inspect --format '{{{{json .State}}}}' {prefix}-traefik"
            print(shown(self._target, proxy, f"docker logs {prefix}-autoheal"))

    def _ask(self, kept: bool) -> None:
        client = self._target.http()
        while not self._end.is_set():
            for name, path in self._asked:
                url = f"{self._target.url(name)}{path}"
                begun = time.monotonic()
                try:
                    answer = client.get(url)
                except httpx.HTTPError as error:
                    self.lost.append(f"{name}{path}: {error!r} after {time.monotonic() - begun:.2f} s")
                else:
                    if answer.status_code != 200:
                        self.lost.append(f"{name}{path}: {answer.status_code}")
                    if (name, path) == ("web", "/"):
                        self.said.add(answer.text)
                self.asked += 1
                time.sleep(PAUSE)
            if not kept:
                client.close()
                client = self._target.http()
        client.close()
