"""Bounded load: a fixed number of users, each a closed loop with a pause, for a fixed time."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

from .graphql import Api
from .target import Target

#: No run asks for more than this, however it is called.
MOST_USERS, MOST_SECONDS = 30, 120


@dataclass
class Sample:
    """One request: when (seconds from the start), its operation, its latency in seconds, its error or ''."""

    at: float
    operation: str
    seconds: float
    error: str = ""


@dataclass
class Load:
    """What a load run saw."""

    users: int
    seconds: float
    samples: list[Sample] = field(default_factory=list)

    @property
    def errors(self) -> list[Sample]:
        """The requests that failed."""
        return [sample for sample in self.samples if sample.error]

    def percentile(self, share: float, operation: str | None = None) -> float:
        """Latency in seconds that `share` (0 to 1) of the answered requests stay within."""
        times = sorted(s.seconds for s in self.samples if not s.error and operation in (None, s.operation))
        return times[min(int(len(times) * share), len(times) - 1)] if times else float("nan")

    def per_second(self) -> list[tuple[float, float]]:
        """Requests begun in each whole second of the load, without the users' tidying up after it."""
        counts = [0] * int(self.seconds)
        for sample in self.samples:
            if sample.at < len(counts):
                counts[int(sample.at)] += 1
        return [(float(second), float(count)) for second, count in enumerate(counts)]


def run(target: Target, users: int, seconds: float, pause: float = 0.3, seed: int = 1) -> Load:
    """Lets `users` people work for `seconds`: list, create, change, read, with a pause between.

    Each logs in once, and at the end deletes what they created. A pause varies by half; four of five
    requests read.
    """
    users, seconds = min(users, MOST_USERS), min(seconds, MOST_SECONDS)
    load = Load(users, seconds)
    lock = threading.Lock()
    started = time.monotonic()

    def user(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        mine: list[str] = []

        def timed(operation: str, action) -> object:  # type: ignore[no-untyped-def]
            before = time.monotonic()
            error, result = "", None
            try:
                result = action()
            except Exception as failure:
                error = f"{type(failure).__name__}: {failure}"[:200]
            sample = Sample(before - started, operation, time.monotonic() - before, error)
            with lock:
                load.samples.append(sample)
            return result

        with target.http() as client:
            api = Api(target, client)
            timed("login", api.login)
            while time.monotonic() - started < seconds:
                draw = chance.random()
                if draw < 0.5:
                    timed("list", lambda: api.run("{ issues(first: 20) { id title status } }"))
                elif draw < 0.8 and mine:
                    timed("read", lambda: api.issue(mine[-1]))
                elif draw < 0.93 or not mine:
                    created = timed("create", lambda: api.create(f"Load {number} {len(mine)}"))
                    if isinstance(created, str):
                        mine.append(created)
                else:
                    timed(
                        "change",
                        lambda: api.run(
                            "mutation ($id: ID!) { updateIssue(id: $id, patch: { status: DONE }) { id } }",
                            id=mine[-1],
                        ),
                    )
                time.sleep(pause * (0.5 + chance.random()))
            for issue_id in mine:
                timed(
                    "delete",
                    lambda issue_id=issue_id: api.run(
                        "mutation ($id: ID!) { deleteIssue(id: $id) }", id=issue_id
                    ),
                )

    threads = [threading.Thread(target=user, args=(number,), daemon=True) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=seconds + 60)
    return load
