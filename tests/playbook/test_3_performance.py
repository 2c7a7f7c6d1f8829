"""Does it carry the people it is meant for? 25 of them, for a bounded time."""

from __future__ import annotations

import threading
import time

import pytest

from . import load
from .evidence import Entry
from .target import Target

pytestmark = pytest.mark.playbook
USERS, SECONDS = 25, 30


def bytes_of(text: str) -> float:
    """Docker's `12.5MiB` as MiB."""
    units = {"B": 1 / 2**20, "KIB": 1 / 1024, "MIB": 1, "GIB": 1024}
    number = text.rstrip("BKMGTikb")
    return float(number) * units[text[len(number) :].upper()]


class Usage(threading.Thread):
    """Samples `docker stats` until it is stopped."""

    def __init__(self, target: Target) -> None:
        super().__init__(daemon=True)
        self.target, self.done = target, threading.Event()
        self.cpu: dict[str, list[tuple[float, float]]] = {}
        self.memory: dict[str, list[tuple[float, float]]] = {}

    def run(self) -> None:
        """Samples about once in two seconds."""
        names = {name: service for service, name in self.target.containers().items()}
        started = time.monotonic()
        while not self.done.is_set():
            text = self.target.ssh(
                "docker stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}}'", check=False
            )
            at = time.monotonic() - started
            for line in text.splitlines():
                name, cpu, memory, *_ = line.split()
                if name in names:
                    self.cpu.setdefault(names[name], []).append((at, float(cpu.rstrip("%"))))
                    self.memory.setdefault(names[name], []).append((at, bytes_of(memory)))


@pytest.fixture(scope="module")
def run(target: Target) -> tuple[load.Load, Usage]:
    usage = Usage(target)
    usage.start()
    result = load.run(target, USERS, SECONDS)
    usage.done.set()
    usage.join(timeout=15)
    return result, usage


@pytest.mark.checklist("Performance", "20 to 30 users at once")
def test_25_users_are_served_without_an_error(run: tuple[load.Load, Usage], evidence: Entry) -> None:
    result, _ = run
    operations = sorted({sample.operation for sample in result.samples})
    evidence.say(
        f"{USERS} users for {SECONDS} s: {len(result.samples)} requests, {len(result.errors)} errors."
    )
    evidence.table(
        ["Operation", "Requests", "Errors", "p50 ms", "p95 ms", "p99 ms"],
        [
            [
                operation,
                sum(s.operation == operation for s in result.samples),
                sum(s.operation == operation for s in result.errors),
                *(f"{result.percentile(share, operation) * 1000:.0f}" for share in (0.5, 0.95, 0.99)),
            ]
            for operation in operations
        ],
    )
    evidence.chart("Requests", "per second", {"requests": result.per_second()})
    assert not result.errors, (
        f"{len(result.errors)} requests failed, the first with: {result.errors[0].error}"
    )
    assert len(result.samples) > USERS * 10, "the load was not the one intended"
    assert result.percentile(0.95) < 2, f"95 % of the requests took up to {result.percentile(0.95):.2f} s"


@pytest.mark.checklist("Performance", "CPU and memory of each container under load")
def test_no_container_comes_near_its_memory_limit(
    target: Target, run: tuple[load.Load, Usage], evidence: Entry
) -> None:
    _, usage = run
    limits = {}
    for service, name in target.containers().items():
        limits[service] = (
            int(target.ssh(f"docker inspect --format '{{{{.HostConfig.Memory}}}}' {name}")) / 2**20
        )
    rows = []
    for service in sorted(usage.memory):
        peak = max(value for _, value in usage.memory[service])
        busiest = max(value for _, value in usage.cpu[service])
        rows.append(
            [
                service,
                f"{busiest:.0f} %",
                f"{peak:.0f} MiB",
                f"{limits[service]:.0f} MiB",
                f"{peak / limits[service]:.0%}",
            ]
        )
        assert limits[service] > 0, f"{service} has no memory limit"
        assert peak < 0.9 * limits[service], f"{service} used {peak:.0f} of {limits[service]:.0f} MiB"
    evidence.table(["Container", "CPU, highest", "Memory, highest", "Limit", "Share"], rows)
    evidence.chart("CPU", "% of a core", usage.cpu)
    evidence.chart("Memory", "MiB", usage.memory)
