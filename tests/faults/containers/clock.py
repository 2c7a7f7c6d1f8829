"""The clock of a stack's containers, which may be wrong: a library before all others, in each new process."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.containers.stack import MOUNTS, Stack, docker

SOURCE = Path(__file__).with_name("clock.c")
FILES = ("clock", "clock.so", "etc/ld.so.preload")


class Clock:
    """Of both containers, which have it after their next start."""

    def __init__(self, stack: Stack) -> None:
        merged = "{{.GraphDriver.Data.MergedDir}}"
        self._roots = [
            Path(docker("inspect", f"--format={merged}", stack.name(service))) for service in MOUNTS
        ]

    def place(self) -> None:
        """Puts the library there; programs that are linked statically, such as restic, take no notice."""
        for root in self._roots:
            command = ["gcc", "-shared", "-fPIC", "-O2", "-o", root / "clock.so", SOURCE]
            subprocess.run(command, check=True, capture_output=True)
        self.be_wrong_by(0)
        for root in self._roots:
            (root / "etc" / "ld.so.preload").write_text("/clock.so\n")

    def be_wrong_by(self, seconds: int) -> None:
        """At once, in all processes."""
        for root in self._roots:
            with (root / "clock").open("r+b" if (root / "clock").exists() else "wb") as file:
                file.write(struct.pack("q", seconds))

    def remove(self) -> None:
        """What runs keeps it until it ends, and is right."""
        self.be_wrong_by(0)
        for root in self._roots:
            (root / "etc" / "ld.so.preload").unlink()


@contextmanager
def movable(stack: Stack) -> Iterator[Clock]:
    """Both are started with it, and without it at the end."""
    clock = Clock(stack)
    clock.place()
    for service in MOUNTS:
        docker("restart", "--time=60", stack.name(service))
    stack.answers()
    try:
        yield clock
    finally:
        clock.remove()
        for service in MOUNTS:
            docker("restart", "--time=60", stack.name(service))
        stack.answers()
