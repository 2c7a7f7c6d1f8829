"""Releases of a way, idle or under load, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import docker
from docker.models.containers import Container

from bench import traffic
from bench.losses import explained
from bench.measured import Measured, Release
from bench.traffic import Load, Request
from bench.watch import Watch
from bench.ways.way import ReleaseFailed

SETTLE_SECONDS = 3
"""Of load before each release, and after the last: what is lost late is lost, too."""
LOG_SECONDS = 30
"""Before a release, from which on the proxy's log is read where it lost requests: some began earlier."""


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
                began = time.time()
                time.sleep(SETTLE_SECONDS)
                for _ in range(releases):
                    if not self.over and not measured.failed:
                        self._one(measured, watch, load, began)
            if lost := _add(measured, load.taken(), began):  # what was under way at the end
                log = self._log(measured.way.stack, time.time() - LOG_SECONDS)
                measured.losses += explained(lost, len(measured.loaded), log, {}, {}, ())
        measured.load_seconds += time.time() - began
        file.unlink()

    def _one(self, measured: Measured, watch: Watch, load: Load, began: float) -> None:
        since, number = time.time(), len(measured.loaded) + 1
        held = {str(container.id): _addresses(container) for container in watch.running()}
        roles = dict.fromkeys(held, "old")
        release = self._release(measured, watch)
        time.sleep(SETTLE_SECONDS)
        held |= {str(container.id): _addresses(container) for container in watch.running()}
        roles = dict.fromkeys(held, "new") | roles
        lost = _add(measured, load.taken(), began)
        if lost:
            log = self._log(measured.way.stack, since - LOG_SECONDS)
            measured.losses += explained(lost, number, log, roles, held, watch.steps(since))
        if release:
            measured.loaded.append(release)
            offset = measured.load_seconds - began
            measured.spans.append((release.commanded + offset, release.over + offset))
            told = f"{release.seconds:.1f} s, {len(lost)} lost; {measured.seen.sent:,} requests so far"
            self._say(f"{measured.way.title}, release {number} under load: {told}")

    def _release(self, measured: Measured, watch: Watch) -> Release | None:
        """One more; None: it failed, and there will be no other of this way."""
        commanded = time.time()
        try:
            (old,) = watch.running()
            measured.way.release(next(measured.images))
            done = time.time()
            ended = watch.moment(str(old.id), "ended", commanded)
            (new,) = watch.running()
            healthy = watch.moment(str(new.id), "healthy", commanded)
        except (ReleaseFailed, TimeoutError, ValueError) as error:
            measured.failed = str(error)
            self._say(f"{measured.way.title}: {error}")
            return None
        return Release(commanded, max(ended, healthy), done)

    def _log(self, stack: str, since: float) -> list[str]:
        labels = [f"jira-plus-plus.stack={stack}", "jira-plus-plus.service=traefik"]
        (proxy,) = self._client.containers.list(filters={"label": labels})
        text: bytes = proxy.logs(since=int(since))
        return text.decode(errors="replace").splitlines()


def _add(measured: Measured, requests: Sequence[Request], began: float) -> list[Request]:
    measured.seen.add(requests, began, measured.load_seconds)
    return [request for request in requests if request.lost]


def _addresses(container: Container) -> list[str]:
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    return [network["IPAddress"] for network in networks if network["IPAddress"]]
