"""A script that runs at a place whether or not somebody looks on."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from components.containers.files import archive
from operations.place import LOST_LINE, Place

PATIENCE_SECONDS = 600.0
"""For a line that was lost."""


class JobFailed(Exception):
    """It could not be begun, or ended with another code than 0.

    `code` is that; None: nobody knows how it ended, or it was never begun.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Job:
    """A script in a folder of the place's user, where its log, its end and what it needs are, too."""

    place: Place
    name: str
    script: str
    sleep: Callable[[float], None] = time.sleep

    @property
    def folder(self) -> str:
        """As a shell's word."""
        return f'"${{XDG_STATE_HOME:-$HOME/.local/state}}/jira-plus-plus/{self.name}"'

    def running(self) -> bool:
        """Whether it is at work."""
        # Whoever runs it holds the lock, and nobody does after a crash.
        answer = self.place.run(
            f"cd {self.folder} 2>/dev/null && ! flock --nonblock lock true && echo running"
        )
        return "running" in answer

    def start(self, files: Mapping[str, str], arguments: Sequence[str]) -> None:
        """Begins it, with `files` (name to content) beside it, of which one is the script.

        Raises:
            JobFailed: it did not begin.
        """
        argv = shlex.join(["sh", "-c", 'touch begun; exec "$@"', "-", "bash", self.script, *arguments])
        command = (
            f"umask 077; mkdir -p {self.folder} && cd {self.folder} && "
            "flock --nonblock lock rm -f begun code log && tar -x --no-same-permissions && "
            f"{{ setsid flock --nonblock --close lock {argv} >log 2>&1 </dev/null & "
            "for i in 1 2 3 4 5 6 7 8 9 10; do [ ! -e begun ] || break; sleep 0.5; done; ls begun; }"
        )
        done = self.place.popen(command)
        out, complaints = done.communicate(archive(files), timeout=60)
        if "begun" not in out.decode():
            raise JobFailed(
                f"{self.name} could not be begun at {self.place.name}: {complaints.decode().strip()}"
            )

    def follow(self, say: Callable[[str], None]) -> None:
        """Says each line of the log until the end; over a line that breaks it connects again.

        Raises:
            JobFailed: it ended with another code, was cut off, or the line stayed broken.
        """
        seen, broken = 0, 0.0
        while True:
            command = (
                f"cd {self.folder} && {{ tail -n +{seen + 1} -F log 2>/dev/null & "
                "flock lock true; sleep 0.5; kill $!; wait $! 2>/dev/null; "
                "echo; printf 'code %s\\n' \"$(cat code 2>/dev/null)\"; }"
            )
            process = self.place.popen(command, stdin=subprocess.DEVNULL)
            assert process.stdout is not None
            code: str | None = None
            for raw in process.stdout:
                line = raw.decode(errors="replace").rstrip("\n")
                broken = 0.0
                if line.startswith("code "):
                    code = line.removeprefix("code ")
                else:
                    seen += 1
                    if line:
                        say(line)
            process.communicate()
            if code is not None:
                break
            broken = broken or time.monotonic()
            if process.returncode != LOST_LINE or time.monotonic() - broken > PATIENCE_SECONDS:
                raise JobFailed(
                    f"{self.place.name} cannot be asked any more; {self.name} goes on there by itself"
                )
            say(f"the line to {self.place.name} was lost; it goes on there, and this connects again")
            self.sleep(5)
        if code != "0":
            cut_off = "was cut off and has left no word of its end: the same command begins it again"
            ended = f"ended with {code}" if code else cut_off
            raise JobFailed(f"{self.name} {ended}", int(code) if code else None)
