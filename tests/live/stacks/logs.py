"""The logs of a stack that is up, asked as people do: by name, through the proxy, with the password."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from tests.playbook.store import Store
from tests.playbook.waiting import seconds_until

PATIENCE_SECONDS = 30
"""A line is sent within a second, and found a second after that."""


@dataclass(frozen=True)
class Logs:
    """Those of the stack whose metrics are in `store`."""

    store: Store

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The lines that a query in LogsQL finds."""
        target = self.store.target
        with target.http(auth=self.store.login) as client:
            answer = client.get(f"{target.url('metrics')}/select/logsql/query", params={"query": query})
        assert answer.status_code == 200, f"{query}: {answer.status_code} {answer.text[:300]}"
        return [json.loads(line) for line in answer.text.splitlines()]

    def count(self, query: str, what: str = "count()") -> int:
        """How many there are."""
        (found,) = self.ask(f"{query} | stats {what} found")
        return int(found["found"])

    def found(self, query: str, number: int = 1, within: float = PATIENCE_SECONDS) -> list[dict[str, Any]]:
        """Waits until a query finds so many lines."""
        seconds_until(f"{query} finds {number}", lambda: len(self.ask(query)) >= number, within)
        return self.ask(query)

    def spoken(self, service: str, script: str, *, wait: bool = True, timeout: float = 300) -> None:
        """A container of that service, from the API's image, runs a script of Node's, and is gone."""
        target = self.store.target
        image = target.ssh(f"docker inspect --format '{{{{.Image}}}}' {target.containers()['api']}").strip()
        run = (
            f"docker run --rm --network=none --memory=128m --log-driver=journald"
            f" --log-opt=tag=jira-uat-{service} --entrypoint=node {image} -e {shlex.quote(script)}"
        )
        target.ssh(
            f"{run} >/dev/null" if wait else f"nohup {run} >/dev/null 2>&1 </dev/null &", timeout=timeout
        )


def lines(number: int) -> str:
    """A script that says so many lines, and no two of them the same.

    It waits for whoever takes them; `console.log` keeps what it cannot get rid of, in 128 MB.
    """
    return (
        f"for (let number = 1; number <= {number}; number++) require('fs').writeSync(1,"
        " JSON.stringify({level: 'info', number, msg: 'one of a burst'}) + '\\n')"
    )
