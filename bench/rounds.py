"""Releases of a way, idle or under load, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.models.containers import Container

from bench import traffic
from bench.losses import Turn, explained
from bench.measured import Measured, Release
from bench.traffic import Load
from bench.watch import Watch
from bench.ways.way import ReleaseFailed

SETTLE_SECONDS = 3
"""Of load before each release, and after the last: what is lost late is lost, too."""


class Rounds:
    """Releases until the time is up."""

    def __init__(
        self, client: docker.DockerClient, rate: int, minutes: float, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._client, self._rate, self._folder, self._say = client, rate, folder, say
        self._until = time.monotonic() + minutes * 60

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._until

    def idle(self, measured: Measured, releases: int) -> None:
        """So many of which nobody asks anything meanwhile."""
        with Watch(measured.way.stack, "api") as watch:
            for _ in range(releases):
                if not self.over and (release := self._release(measured, watch)):
                    measured.idle.append(release)
                    self._say(f"{measured.way.title}, idle: {release.seconds:.1f} s")

    def loaded(self, measured: Measured, releases: int) -> None:
        """So many under load."""
        file, at = self._folder / "requests.jsonl", measured.way.address
        with Watch(measured.way.stack, "api") as watch:
            with traffic.load(at.url, at.host, self._rate, file) as load:
                row = _Row(measured, watch, load, time.time())
                time.sleep(SETTLE_SECONDS)
                for _ in range(releases):
                    if not self.over and not measured.failed:
                        self._one(row)
            self._count(row)  # what was under way at the end
        measured.load_seconds += time.time() - row.began
        file.unlink()

    def _one(self, row: _Row) -> None:
        measured = row.measured
        number, commanded = len(measured.loaded) + 1, time.time()
        old = row.running()
        release = self._release(measured, row.watch)
        new = [container for container in row.running() if container not in old]
        row.turns.append(Turn(number, commanded, "".join(old[:1]), "".join(new[:1])))
        time.sleep(SETTLE_SECONDS)
        lost = self._count(row)
        if release:
            measured.loaded.append(release)
            offset = measured.load_seconds - row.began
            measured.spans.append((release.commanded + offset, release.over + offset))
            told = f"{release.seconds:.1f} s, {lost} lost; {measured.seen.sent:,} requests so far"
            self._say(f"{measured.way.title}, release {number} under load: {told}")

    def _count(self, row: _Row) -> int:
        """Adds what is known by now; how many of it were lost."""
        requests, measured = row.load.taken(), row.measured
        measured.seen.add(requests, row.began, measured.load_seconds)
        lost = [request for request in requests if request.lost]
        if lost:
            since = min(request.sent for request in lost)
            log = self._log(measured.way.stack, since)
            measured.losses += explained(lost, log, row.turns, row.watch.steps(row.began), row.addresses)
        return len(lost)

    def _release(self, measured: Measured, watch: Watch) -> Release | None:
        """One more; None: it failed, and there will be no other of this way."""
        commanded = time.time()
        try:
            (old,) = watch.running()
            measured.way.release(next(measured.images))
            done = time.time()
            ended = watch.moment(str(old.id), "ended", commanded)
            over = ended
            if not measured.way.awaits_health:
                (new,) = watch.running()
                over = max(ended, watch.moment(str(new.id), "healthy", commanded))
        except (ReleaseFailed, TimeoutError, ValueError) as error:
            measured.failed = str(error)
            self._say(f"{measured.way.title}: {error}")
            return None
        return Release(commanded, over, done)

    def _log(self, stack: str, since: float) -> list[str]:
        labels = [f"jira-plus-plus.stack={stack}", "jira-plus-plus.service=traefik"]
        found = self._client.containers.list(all=True, filters={"label": labels})
        text = b"".join(proxy.logs(since=int(since)) for proxy in found)
        return text.decode(errors="replace").splitlines()


@dataclass
class _Row:
    """Releases in a row under one load."""

    measured: Measured
    watch: Watch
    load: Load
    began: float
    turns: list[Turn] = field(default_factory=list)
    addresses: dict[str, list[str]] = field(default_factory=dict)

    def running(self) -> list[str]:
        """The containers that run now, whose addresses are noted."""
        found = {str(container.id): _addresses(container) for container in self.watch.running()}
        self.addresses |= found
        return list(found)


def _addresses(container: Container) -> list[str]:
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    return [network["IPAddress"] for network in networks if network["IPAddress"]]
