"""The machine of a stack: its disks, memory and load, and whether it waits for a reboot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from operations.checks.finding import Finding

FULL_PERCENT = 90
SCARCE_PERCENT = 5
"""Of the memory that can be had without swapping, below which the next process may be killed."""
ASKEW_SECONDS = 60
"""By which its clock and ours may differ: signatures of requests to a bucket fail at more."""


@dataclass(frozen=True)
class Disk:
    """A filesystem, of `size_mb`."""

    mount: str
    size_mb: int
    free_mb: int
    used_percent: int


@dataclass(frozen=True)
class Machine:
    """As it tells; what it does not tell is None, or empty."""

    disks: tuple[Disk, ...]
    memory_mb: int | None
    available_mb: int | None
    swap_used_mb: int | None
    load: tuple[float, ...]
    """Of the last 1, 5 and 15 minutes."""
    cores: int | None
    up_seconds: float | None
    reboot: str | None
    """For what it waits to be rebooted: names of packages; None: it does not."""
    failed_units: tuple[str, ...]
    clock_ahead_seconds: float | None

    @classmethod
    def of(cls, printed: str, disks: str, now: float) -> Machine:
        """Of lines `NAME VALUE`, and of what `df -P -k` prints; `now` is our own clock's."""
        lines = [line.partition(" ") for line in printed.splitlines()]
        said = {name: value.strip() for name, _, value in lines}

        def megabytes(name: str) -> int | None:
            return int(said[name]) // 1024 if said.get(name) else None

        swap, free = megabytes("SwapTotal"), megabytes("SwapFree")
        return cls(
            disks=tuple(
                Disk(
                    " ".join(words[5:]),
                    int(words[1]) // 1024,
                    int(words[3]) // 1024,
                    int(words[4].rstrip("%")),
                )
                for words in map(str.split, disks.splitlines())
                if len(words) >= 6 and words[4].endswith("%")
            ),
            memory_mb=megabytes("MemTotal"),
            available_mb=megabytes("MemAvailable"),
            swap_used_mb=None if swap is None or free is None else swap - free,
            load=tuple(map(float, said.get("load", "").split()[:3])),
            cores=int(said["cores"]) if said.get("cores") else None,
            up_seconds=float(said["uptime"].split()[0]) if said.get("uptime") else None,
            reboot=said.get("reboot"),
            failed_units=tuple(value.strip() for name, _, value in lines if name == "failed"),
            clock_ahead_seconds=round(float(said["now"]) - now, 1) if said.get("now") else None,
        )

    def findings(self) -> Iterator[Finding]:
        """What is about to stop the stack."""
        for disk in self.disks:
            if disk.used_percent >= FULL_PERCENT:
                yield Finding(
                    f"disk {disk.mount}",
                    f"is full to {disk.used_percent} %, {disk.free_mb} MB are free",
                    "docs/runbook.md, A full disk",
                )
        if self.memory_mb and self.available_mb is not None:
            left = 100 * self.available_mb / self.memory_mb
            if left < SCARCE_PERCENT:
                yield Finding(
                    "memory",
                    f"is used up: {self.available_mb} of {self.memory_mb} MB are to be had",
                    "`docker stats --no-stream` says by whom (docs/runbook.md, A container is unhealthy)",
                )
        for unit in self.failed_units:
            page = "docs/runbook.md, A unit of the system failed"
            yield Finding(unit, "has failed", f"`systemctl status {unit}` says why ({page})")
        if self.clock_ahead_seconds is not None and abs(self.clock_ahead_seconds) > ASKEW_SECONDS:
            yield Finding(
                "clock",
                f"differs from this machine's by {self.clock_ahead_seconds:.0f} s",
                "`timedatectl` says whether it is set by NTP (docs/runbook.md, The clock is not kept)",
            )
