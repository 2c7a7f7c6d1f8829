"""Where the containers of a stack run, as the stack's outputs say."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from components.host.keys import ONE_CONNECTION

SECONDS = 30.0
"""For an answer."""
LOST_LINE = 255
"""What ssh ends with when it is its own fault."""
_OPTIONS = (
    *("-o", "BatchMode=yes", "-o", "ConnectTimeout=10"),
    *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"),  # a dead line is given up in a minute
    # Docker's, as a rule: a server that limits new connections refused the last of them, and what it served
    # well was told as not well.
    *ONE_CONNECTION,
)


@dataclass(frozen=True)
class Place:
    """A server, reached by the words of its `ssh` command; without, this machine; its Docker is `docker`."""

    ssh: tuple[str, ...]
    docker: str

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> Place:
        """The place that the outputs name."""
        *words, target = shlex.split(outputs.get("ssh") or "") or [""]
        return cls((*words, *_OPTIONS, target) if target else (), str(outputs.get("docker_host") or ""))

    @property
    def name(self) -> str:
        """Who is asked."""
        return self.ssh[-1] if self.ssh else "Docker of this machine"

    def run(self, command: str, text: str | None = None, seconds: float = SECONDS) -> str:
        """What a shell command there prints, whatever its exit code; `text` is what it reads.

        Raises:
            OSError, subprocess.SubprocessError: it could not be run, or was not over after `seconds`.
        """
        done = subprocess.run(
            self._argv(command),
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=self._environment,
            check=False,
        )
        if self.ssh and done.returncode == LOST_LINE:
            raise subprocess.CalledProcessError(LOST_LINE, done.args[0], done.stdout, done.stderr)
        return done.stdout

    def popen(self, command: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """A shell command there, as long as it may take; all its ends are pipes."""
        return subprocess.Popen(
            self._argv(command),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
        )

    def _argv(self, command: str) -> list[str]:
        return [*self.ssh, command] if self.ssh else ["sh", "-c", command]

    @property
    def _environment(self) -> dict[str, str]:
        return dict(os.environ) if self.ssh else {**os.environ, "DOCKER_HOST": self.docker}

    @contextmanager
    def connected(self, port: int, seconds: float = SECONDS) -> Iterator[socket.socket]:
        """A connection to a port of the place's own loopback address: no firewall stands between.

        Raises:
            OSError: nobody answers there, within `seconds`.
        """
        if not self.ssh:
            with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
                yield connection
            return
        ours, theirs = socket.socketpair()
        ours.settimeout(seconds)
        argv = [*self.ssh[:-1], "-W", f"127.0.0.1:{port}", self.ssh[-1]]
        tunnel = subprocess.Popen(
            argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL
        )
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            tunnel.terminate()
            tunnel.wait()


def complaint(error: Exception) -> str:
    """Why a place could not be asked, in one line: what ssh said, if it said something."""
    return " ".join(str(getattr(error, "stderr", None) or error).split())[:300]
